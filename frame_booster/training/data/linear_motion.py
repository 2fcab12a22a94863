"""The middle frame as an even motion would have it.

Hands shake and things gather speed, so what a camera took in the middle lies off the middle of the way, by about a
px; neither outer frame tells by how much. A network that is trained and measured against it learns to doubt what it
has right, and is judged by what nobody can know ("velocity ambiguity": Zhong et al., Clearer Frames, Anytime, 2024).
Flow from the true middle frame to both others says how far off it is; here it is put where it would have been.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from frame_booster.training.data.flow_labels import flow_labels
from frame_booster.training.data.manifest import FloatArray, FrameArray
from frame_booster.training.data.triplets import Triplet

WINDOW = 81
"""Side of the neighbourhood that is off by one amount, px: a hand's shake and the speed of large things, not the
mistakes of the labels at edges."""
FURTHEST = 16.0
"""What a label may be off by, px."""
TRUST = 20.0 / 255.0
"""e^-1 at a mean error of 13 code values: where a label explains nothing, it says nothing."""
USUAL = 1.0
"""Px: places that are off by much more or less than all around count for little."""


def _moved(frame: npt.NDArray[np.generic], flow: FloatArray, interpolation: int) -> npt.NDArray[np.generic]:
    """Returns what the frame shows at `x - flow(x)`."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.asarray(cv2.remap(frame, x - flow[..., 1], y - flow[..., 0], interpolation, None, cv2.BORDER_REPLICATE))


def drift(frames: FrameArray, labels: FloatArray, t: float) -> FloatArray:
    """Tells how far the true frame is off where an even motion would have it.

    Args:
      frames: (3, H, W, 3) uint8 RGB: first, true, second.
      labels: (H, W, 4) float32 px, from the true frame to both others, as `Batch.flows`.
      t: in (0, 1), when the true frame was taken.

    Returns:
      (H, W, 2) float32 (dy, dx) px, the same all over a neighbourhood.
    """
    error = np.zeros(labels.shape[:2], np.float32)
    for frame, label in ((frames[0], labels[..., :2]), (frames[2], labels[..., 2:])):
        error += cv2.absdiff(_moved(frame, label, cv2.INTER_LINEAR), frames[1]).mean(-1, dtype=np.float32)
    trust = np.exp(-TRUST * cv2.blur(error, (5, 5))) + 1e-3
    off = np.clip((1.0 - t) * labels[..., :2] + t * labels[..., 2:], -FURTHEST, FURTHEST)

    def around(weights: FloatArray) -> FloatArray:
        weighed = cv2.blur(weights[..., None] * off, (WINDOW, WINDOW))
        return np.asarray(weighed / cv2.blur(weights, (WINDOW, WINDOW))[..., None], np.float32)

    away = np.linalg.norm(off - around(trust), axis=-1)
    return around(trust / (1.0 + np.square(away / USUAL)))


def evened(frames: FrameArray, labels: FloatArray, t: float) -> tuple[FrameArray, FloatArray]:
    """Puts the true frame where an even motion would have it; arguments as `drift`.

    It is sampled by Lanczos' kernel of 8x8 px: what is blurred here is learned as blur.

    Returns:
      The true frame (H, W, 3) and its labels (H, W, 4).
    """
    off = drift(frames, labels, t)
    moved = np.asarray(_moved(frames[1], -off, cv2.INTER_LANCZOS4), np.uint8)
    return moved, labels - np.concatenate([off, off], -1)


def evened_triplet(triplet: Triplet) -> Triplet:
    """Puts the truth of a triplet where an even motion would have it."""
    frames = np.stack([triplet.frame0, triplet.truth, triplet.frame1])
    return replace(triplet, truth=evened(frames, flow_labels(frames), 0.5)[0])
