"""Moves the true middle frame to where linear motion between its neighbours would have it.

Camera shake and acceleration put the true middle frame about a px off the middle of the path, and the outer frames do
not show by how much ("velocity ambiguity": Zhong et al., Clearer Frames, Anytime, 2024). A network trained towards it
learns to distrust correct flow, and a network measured against it is judged by what it cannot know. The optical flow
from the true middle frame to both outer frames gives the offset, by which the frame is warped back.
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
"""Window over which the drift is averaged, px: large enough for camera shake and the acceleration of large objects, and
to average out errors of labels at edges."""
LARGEST_DRIFT = 16.0
"""Limit to which the drift of a label is clipped, px."""
TRUST = 20.0 / 255.0
"""Labels are weighted by exp(-TRUST * photometric error), which is e^-1 at 13 code values."""
SPREAD = 1.0
"""A pixel whose drift differs by d px from that of its window has the weight 1 / (1 + (d / SPREAD)^2)."""


def _moved(frame: npt.NDArray[np.generic], flow: FloatArray, interpolation: int) -> npt.NDArray[np.generic]:
    """Returns the frame sampled at `x - flow(x)`."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.asarray(cv2.remap(frame, x - flow[..., 1], y - flow[..., 0], interpolation, None, cv2.BORDER_REPLICATE))


def drift(frames: FrameArray, labels: FloatArray, t: float) -> FloatArray:
    """Returns the offset of the true frame from where linear motion would have it.

    Args:
      frames: (3, H, W, 3) uint8 RGB: first, true and second frame.
      labels: (H, W, 4) float32 px, from the true frame to both others, as `Batch.flows`.
      t: time of the true frame, in (0, 1).

    Returns:
      (H, W, 2) float32 (dy, dx) px, smooth over `WINDOW`.
    """
    error = np.zeros(labels.shape[:2], np.float32)
    for frame, label in ((frames[0], labels[..., :2]), (frames[2], labels[..., 2:])):
        error += cv2.absdiff(_moved(frame, label, cv2.INTER_LINEAR), frames[1]).mean(-1, dtype=np.float32)
    trust = np.exp(-TRUST * cv2.blur(error, (5, 5))) + 1e-3
    off = np.clip((1.0 - t) * labels[..., :2] + t * labels[..., 2:], -LARGEST_DRIFT, LARGEST_DRIFT)

    def around(weights: FloatArray) -> FloatArray:
        weighed = cv2.blur(weights[..., None] * off, (WINDOW, WINDOW))
        return np.asarray(weighed / cv2.blur(weights, (WINDOW, WINDOW))[..., None], np.float32)

    away = np.linalg.norm(off - around(trust), axis=-1)
    return around(trust / (1.0 + np.square(away / SPREAD)))


def with_linear_motion(frames: FrameArray, labels: FloatArray, t: float) -> tuple[FrameArray, FloatArray]:
    """Warps the true frame to where linear motion would have it; arguments as for `drift`.

    It is sampled with Lanczos' kernel of 8x8 px, because a network learns to reproduce blur in the target.

    Returns:
      The moved frame (H, W, 3) and its labels (H, W, 4).
    """
    off = drift(frames, labels, t)
    moved = np.asarray(_moved(frames[1], -off, cv2.INTER_LANCZOS4), np.uint8)
    return moved, labels - np.concatenate([off, off], -1)


def triplet_with_linear_motion(triplet: Triplet) -> Triplet:
    """Warps the true frame of a triplet to where linear motion would have it."""
    frames = np.stack([triplet.frame0, triplet.truth, triplet.frame1])
    return replace(triplet, truth=with_linear_motion(frames, flow_labels(frames), 0.5)[0])
