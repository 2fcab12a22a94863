"""Doubt: where the two warped frames differ although both show the place, that is, where the motion found is wrong.

A network that warps both frames to the wanted time says with it what it believes of each pixel twice. Where only one
frame shows a place, it must differ and the mask says which to take; where both show it and they still differ, the
motion does not fit, and the interpolated frame is a blend of two different things.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.layers import Tensor
from frame_booster.network.prediction import Prediction
from frame_booster.network.warp import gather_warp


def doubt_of(frame0: Tensor, frame1: Tensor, prediction: Prediction, t: Tensor) -> Tensor | None:
    """Returns how far both warped frames differ where both are visible.

    Args:
      frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1].
      prediction: of a network between them.
      t: (B,) float32 in (0, 1).

    Returns:
      (B, H, W) float32 in [0, 1]: the mean absolute difference of R, G and B times 4 s (1 - s), s being frame 1's share
      by the mask alone, without the logit of t, so that a place both show counts in full at any time and one that a
      single frame shows counts nothing. None where the network has no mask at the size of the frames.
    """
    if not prediction.masks or prediction.masks[-1].shape[1:3] != frame0.shape[1:3]:
        return None
    flow0, flow1 = prediction.flows[-1]
    at = tf.reshape(t, [-1, 1, 1])
    share = tf.sigmoid(prediction.masks[-1][..., 0] - tf.math.log(at / (1.0 - at)))
    difference = tf.reduce_mean(tf.abs(gather_warp(frame0, flow0) - gather_warp(frame1, flow1)), -1)
    return difference * 4.0 * share * (1.0 - share)
