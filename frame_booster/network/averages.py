"""Averages over square windows; at the border, only the pixels inside of the map count.

TensorFlow's average pooling with "SAME" padding returns the same values. But when XLA compiles such pooling for a GPU,
it counts the pixels of every window at compile time, which takes up to nine seconds for a map of 540x960.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.layers import Tensor


def _share(size: Tensor, reach: int) -> Tensor:
    """Returns, for each position along a side, the length of a window over its length inside of the map."""
    place = tf.range(size)
    inside = tf.minimum(place + reach, size - 1) - tf.maximum(place - reach, 0) + 1
    return float(2 * reach + 1) / tf.cast(inside, tf.float32)


def mean_around(x: Tensor, reach: int) -> Tensor:
    """Averages over square windows with a side of 2 * reach + 1 px.

    Args:
      x: (B, H, W, C) float32.
      reach: px to each side; at 0 the window is the pixel itself.

    Returns:
      (B, H, W, C) float32.
    """
    height, width = tf.unstack(tf.shape(x)[1:3])
    side = 2 * reach + 1
    padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    # Axis by axis: 98 additions for each pixel instead of 2,401 with a window of 49 px.
    within = tf.nn.avg_pool2d(tf.nn.avg_pool2d(padded, [side, 1], 1, "VALID"), [1, side], 1, "VALID")
    mean: Tensor = within * (_share(height, reach)[:, None, None] * _share(width, reach)[:, None])
    return tf.ensure_shape(mean, x.shape)
