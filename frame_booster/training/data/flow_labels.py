"""Labels for optical flow, computed with the true middle frame, which the network does not see."""

from __future__ import annotations

import cv2
import numpy as np

from frame_booster.training.data.manifest import FloatArray, FrameArray


def flow_labels(frames: FrameArray) -> FloatArray:
    """Computes DIS optical flow from the true middle frame to both neighbours.

    Args:
      frames: (3, H, W, 3) uint8 RGB.

    Returns:
      (H, W, 4) float32 px, with the sign of this project: `frame(x - flow(x))` shows the middle frame.
    """
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    first, middle, second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames)
    to_first, to_second = dis.calc(middle, first, None), dis.calc(middle, second, None)
    return -np.concatenate([to_first[..., ::-1], to_second[..., ::-1]], -1).astype(np.float32)
