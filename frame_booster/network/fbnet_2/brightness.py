"""Brightness of frames, to which FBNet-2 fits its flow in inference."""

from __future__ import annotations

from fractions import Fraction

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_2.sizes import LUMA
from frame_booster.network.layers import Tensor


def luma(frame: Tensor) -> Tensor:
    """Returns the brightness (B, H, W) of frames (B, H, W, 3)."""
    return tf.reduce_sum(frame * tf.constant(LUMA), -1)


def _halved_luma(frame: Tensor) -> Tensor:
    batch, height, width, _ = tf.unstack(tf.shape(frame))
    return tf.reduce_mean(tf.reshape(luma(frame), [batch, height // 2, 2, width // 2, 2]), [2, 4])[..., None]


halved_luma = compiled(_halved_luma, scale=Fraction(1, 2))
"""Brightness of frames (B, H, W, 3) at 1/2: (B, H/2, W/2, 1)."""
