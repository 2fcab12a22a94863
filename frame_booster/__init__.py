"""Frame Booster: doubles the frame rate of video with a trained network.

import frame_booster

frame_booster.boost("input.mp4", "output.mp4", crf=16)
made = frame_booster.load_model().interpolate(frame0, frame1, t=0.5)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frame_booster._version import __version__
from frame_booster.errors import (
    DecodeError,
    EncodeError,
    FrameBoosterError,
    InputError,
    Interrupted,
    ModelError,
    OutputError,
)

if TYPE_CHECKING:
    from frame_booster.engine.interpolator import Interpolator, load_model
    from frame_booster.pipeline.boost import boost

__all__ = [
    "DecodeError",
    "EncodeError",
    "FrameBoosterError",
    "InputError",
    "Interpolator",
    "Interrupted",
    "ModelError",
    "OutputError",
    "__version__",
    "boost",
    "load_model",
]


def __getattr__(name: str) -> Any:
    """Imports what needs TensorFlow and PyAV when it is first used: `import frame_booster` stays instant."""
    if name == "boost":
        from frame_booster.pipeline.boost import boost

        return boost
    if name in ("Interpolator", "load_model"):
        from frame_booster.engine import interpolator

        return getattr(interpolator, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
