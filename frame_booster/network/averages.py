"""Means over squares of pixels, of which those at the border have only what lies inside.

TensorFlow's pooling with "SAME" padding gives the same. But XLA, which compiles a whole network for a GPU, then counts
the pixels of every square one by one while it compiles: up to nine seconds for a map of 540x960, on each start where
nothing is kept on disk.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.layers import Tensor


def _share(size: Tensor, reach: int) -> Tensor:
    """Returns how many times more pixels a whole window has than that of each place on a side lies inside."""
    place = tf.range(size)
    inside = tf.minimum(place + reach, size - 1) - tf.maximum(place - reach, 0) + 1
    return float(2 * reach + 1) / tf.cast(inside, tf.float32)


def mean_around(x: Tensor, reach: int) -> Tensor:
    """Averages over squares of a reach to each side.

    Args:
      x: (B, H, W, C) float32.
      reach: px; 0 is the pixel alone.

    Returns:
      (B, H, W, C) float32.
    """
    height, width = tf.unstack(tf.shape(x)[1:3])
    side = 2 * reach + 1
    padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    # Axis by axis: 98 pixels a place where a square of 49 has 2,401.
    within = tf.nn.avg_pool2d(tf.nn.avg_pool2d(padded, [side, 1], 1, "VALID"), [1, side], 1, "VALID")
    mean: Tensor = within * (_share(height, reach)[:, None, None] * _share(width, reach)[:, None])
    return tf.ensure_shape(mean, x.shape)
