"""Images of an evaluation: the six panels of the published figures, and optical flow as colours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from frame_booster.errors import OutputError
from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.data.triplets import Triplet
from frame_booster.training.evaluation.flow_picture import colour_wheel, flow_picture

_LABEL = 18
"""Height of the label above a panel, px."""


def file_name(*parts: str) -> str:
    """Joins names of a set and a triplet to a file name; they may be paths, so separators are replaced."""
    return re.sub(r"[/\\:]", "_", "_".join(part for part in parts if part))


def _labelled(picture: FrameArray, label: str) -> FrameArray:
    bar = np.full((_LABEL, picture.shape[1], 3), 32, np.uint8)
    cv2.putText(bar, label, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([bar, picture])


def edge_shift(predicted: FrameArray, truth: FrameArray) -> FrameArray:
    """Draws the edges of the true frame over the prediction, in red; where they miss its edges, it has shifted them."""
    edges = cv2.Canny(cv2.cvtColor(truth, cv2.COLOR_RGB2GRAY), 100, 200) > 0
    drawn = predicted.copy()
    drawn[edges] = (255, 0, 0)
    return drawn


def six_panels(triplet: Triplet, predicted: FrameArray) -> FrameArray:
    """Returns the figure of the published work: both frames, the prediction, the true frame, their difference, edge
    shift."""
    difference = np.abs(predicted.astype(np.int16) - triplet.truth).astype(np.uint8)
    panels = [
        _labelled(triplet.frame0, "first frame"),
        _labelled(triplet.frame1, "second frame"),
        _labelled(predicted, "prediction"),
        _labelled(triplet.truth, "truth"),
        _labelled(difference, "|prediction - truth|"),
        _labelled(edge_shift(predicted, triplet.truth), "edge shift"),
    ]
    return np.concatenate([np.concatenate(panels[:3], 1), np.concatenate(panels[3:], 1)])


def flow_panels(network: Any, triplet: Triplet) -> FrameArray:
    """Draws the optical flow of a network at each of its levels.

    Each row has the flows of one level, for frame 0 and frame 1, and the key. All flows are scaled to the size of the
    frame, and full colour is the same length in all of them, in px of the frame.
    """
    height, width = triplet.truth.shape[:2]
    multiple = network.multiple
    edge = [(0, max(-(-side // multiple), 2) * multiple - side) for side in (height, width)]
    padded = [np.pad(frame, [*edge, (0, 0)], "edge") for frame in (triplet.frame0, triplet.frame1)]
    predicted = network(*(frame[None].astype(np.float32) / 255 for frame in padded))
    levels = []
    for pair in predicted.flows:
        ratio = padded[0].shape[0] // int(pair[0].shape[1])
        levels.append([ratio * cv2.resize(np.asarray(flow)[0], padded[0].shape[1::-1]) for flow in pair])
    longest = max(float(np.quantile(np.linalg.norm(levels[-1], axis=-1), 0.99)), 1.0)
    key = np.full((height, width, 3), 255, np.uint8)
    wheel = colour_wheel(min(height, width) // 2)
    key[: len(wheel), : len(wheel)] = wheel
    rows = []
    for number, pair in enumerate(levels):
        drawn = [flow_picture(flow[:height, :width], longest) for flow in pair]
        size = f"level {number + 1} of {len(levels)}"
        labels = [f"{size}: frame {k} to the interpolated one" for k in (0, 1)]
        row = [_labelled(picture, label) for picture, label in zip(drawn, labels, strict=True)]
        rows.append(np.concatenate([*row, _labelled(key, f"full colour: {longest:.1f} px")], 1))
    return np.concatenate(rows)


def write_png(path: Path, picture: FrameArray) -> None:
    """Writes an RGB image.

    Raises:
      OutputError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture[..., ::-1]):
        raise OutputError("the image cannot be written", path=path)
