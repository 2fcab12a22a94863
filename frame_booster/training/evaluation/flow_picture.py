"""Optical flow as an image: direction is hue, length is saturation."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from frame_booster.training.data.manifest import FrameArray


def flow_picture(flow: npt.NDArray[np.float32], longest: float | None = None) -> FrameArray:
    """Draws optical flow.

    Args:
      flow: (H, W, 2) float32, (dy, dx) px.
      longest: length with full colour, px; None: the 99th percentile of the lengths, at least 1.

    Returns:
      (H, W, 3) uint8 RGB, white where nothing moves.
    """
    length = np.linalg.norm(flow, axis=-1)
    if longest is None:
        longest = max(float(np.quantile(length, 0.99)), 1.0)
    angle = np.arctan2(flow[..., 0], flow[..., 1]) % (2 * np.pi)
    full = np.clip(length / longest, 0, 1)
    hsv = np.stack([angle / (2 * np.pi) * 179, full * 255, np.full_like(full, 255)], -1)
    return np.asarray(cv2.cvtColor(np.rint(hsv).astype(np.uint8), cv2.COLOR_HSV2RGB), np.uint8)


def colour_wheel(side: int) -> FrameArray:
    """Returns the key to such images, (side, side, 3): each pixel has the colour of a flow from the centre to it."""
    middle = (side - 1) / 2
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) - middle
    wheel = flow_picture(np.stack([y, x], -1).astype(np.float32), longest=middle)
    wheel[np.hypot(y, x) > middle] = 255
    return wheel
