"""Doubt: the difference of both warped frames where neither is occluded, a measure of wrong optical flow.

A network that warps both frames predicts each pixel twice. Where one frame is occluded, the two predictions differ
anyway, and the mask selects the other frame. Where both frames are visible and still differ, the flow is wrong, and the
interpolated frame blends two different things.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.layers import Tensor
from frame_booster.network.prediction import Prediction
from frame_booster.network.warp import gather_warp


def doubt_of(frame0: Tensor, frame1: Tensor, prediction: Prediction, t: Tensor) -> Tensor | None:
    """Returns the difference of both warped frames where both are visible.

    Args:
      frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1].
      prediction: the network's output for these frames.
      t: (B,) float32 in (0, 1).

    Returns:
      (B, H, W) float32 in [0, 1]: the mean absolute difference of R, G and B, times 4 s (1 - s). Here s is the share of
      frame 1 from the mask without the logit of t, so that visible pixels count fully at any time and occluded ones do
      not count. None if the network has no mask at the size of the frames.
    """
    if not prediction.masks or prediction.masks[-1].shape[1:3] != frame0.shape[1:3]:
        return None
    flow0, flow1 = prediction.flows[-1]
    at = tf.reshape(t, [-1, 1, 1])
    share = tf.sigmoid(prediction.masks[-1][..., 0] - tf.math.log(at / (1.0 - at)))
    difference = tf.reduce_mean(tf.abs(gather_warp(frame0, flow0) - gather_warp(frame1, flow1)), -1)
    return difference * 4.0 * share * (1.0 - share)
