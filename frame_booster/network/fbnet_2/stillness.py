"""FBNet-2, stage 4: where nothing moves, the plain blend of both frames replaces the result of the network.

This leaves logos, subtitles, menus and calm backgrounds unchanged. Otherwise every second frame would be a little
softer there than its neighbours, and still pictures would pulse (docs/quality.md).
"""

from __future__ import annotations

from fractions import Fraction

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_2.sizes import MOVING_ABOVE, STILL_BELOW, STILL_REACH
from frame_booster.network.layers import Tensor


def _largest_change(frame0: Tensor, frame1: Tensor) -> Tensor:
    batch, height, width, _ = tf.unstack(tf.shape(frame0))
    change = tf.reduce_max(tf.abs(frame0 - frame1), -1)
    return tf.reduce_max(tf.reshape(change, [batch, height // 2, 2, width // 2, 2]), [2, 4])[..., None]


def _held(frame0: Tensor, frame1: Tensor, made: Tensor, change: Tensor, t: Tensor) -> Tensor:
    batch, height, width, _ = tf.unstack(tf.shape(frame0))
    still = tf.clip_by_value((MOVING_ABOVE - change) / (MOVING_ABOVE - STILL_BELOW), 0.0, 1.0)
    still = still[:, :, None, :, None] * tf.ones([1, 1, 2, 1, 2, 1])
    still = tf.reshape(still, [batch, height, width, 1])
    return made + still * (frame0 + t * (frame1 - frame0) - made)


def _as_made(_frame0: Tensor, _frame1: Tensor, made: Tensor, _change: Tensor, _t: Tensor) -> Tensor:
    return made


largest_change = compiled(_largest_change, scale=Fraction(1, 2))
"""Largest change over 2x2 px and all colours: (B, H/2, W/2, 1)."""
held = compiled(_held, training=_as_made)
"""Selects blend or result for each pixel (B, H, W, 3). In training the result of fusion is returned unchanged."""


def held_still(frame0: Tensor, frame1: Tensor, made: Tensor, t: Tensor) -> Tensor:
    """Replaces pixels that do not move by a blend of both frames.

    Args:
      frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1], H and W even.
      made: (B, H, W, 3) float32, the interpolated frame.
      t: (B, 1, 1, 1) float32 in (0, 1).

    Returns:
      (B, H, W, 3) float32: `made` where a value within `STILL_REACH` changes by `MOVING_ABOVE` or more,
      `(1 - t) frame0 + t frame1` where all change by `STILL_BELOW` or less, a mixture in between.
    """
    change = largest_change(frame0, frame1)
    change = tf.nn.max_pool2d(change, [STILL_REACH, 1], 1, "SAME")
    change = tf.nn.max_pool2d(change, [1, STILL_REACH], 1, "SAME")
    return held(frame0, frame1, made, change, t)
