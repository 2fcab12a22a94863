"""Access to a network's doubt, if it has any and TensorFlow is installed, and its description for a page."""

from __future__ import annotations

from frame_booster.engine.choice import has_tensorflow
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.pipeline.comparison.uncertainty import Candidate, DoubtFunction

PICTURES = "pictures"
"""Value in place of a network's name that selects the measure by images alone (`uncertainty.by_pictures`)."""


def doubt_function(name: str, device: str = "auto", loaded: LoadedNetwork | None = None) -> DoubtFunction | None:
    """Returns a function that measures the doubt of a network; None if that is not possible.

    Args:
      name: name of the network, or `PICTURES`.
      device: "auto", "cpu", "gpu" or "gpu:1".
      loaded: the network if a run has loaded it; one of the ONNX engine is not used.
    """
    if name == PICTURES or not has_tensorflow():
        return None
    from frame_booster.engine.doubt import doubt_meter

    meter = doubt_meter(name, device, loaded)
    return None if meter is None else meter.measure


def measure_text(name: str, unsure: list[Candidate]) -> str:
    """Returns a text for the page that describes how its doubtful frames were found."""
    if unsure and all(one.doubt is not None for one in unsure):
        return (
            f"The video is divided into 32 parts, and the frame that looks worst is taken from each; {name} was "
            "then run on its neighbours. The figure is the difference of the two warped frames where both are visible, "
            "in the worst 2 % of the picture; 0 % means sure."
        )
    return (
        "Found from the pictures alone, without a network: the detail that a frame lacks compared with both "
        "neighbours, plus a tenth of their difference, in code values, in the worst 2 % of the picture; 0 means sure."
    )
