"""Operations on the neighbourhood of pixels: box filters, resizing, and values at given offsets."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.layers import Tensor
from frame_booster.network.resample import doubled

Offsets = list[tuple[int, int]]
"""(dy, dx) px."""


def box(x: Tensor, size: int) -> Tensor:
    """Averages (B, H, W, C) over size x size px, fewer at the border."""
    columns = tf.nn.avg_pool2d(x, [size, 1], 1, "SAME")
    return tf.nn.avg_pool2d(columns, [1, size], 1, "SAME")


def resize(x: Tensor, like: Tensor) -> Tensor:
    """Resizes (B, h, w, C) bilinearly to the size of `like`, float32."""
    sides = list(zip(x.shape[1:3], like.shape[1:3], strict=True))
    if all(small is not None and large is not None and large == 2 * small for small, large in sides):
        return doubled(x)
    return tf.image.resize(x, tf.shape(like)[1:3], "bilinear")


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """Repeats pixels of (B, h, w, C) to the size of `like`, a multiple; unlike `resize`, it keeps the dtype."""
    return tf.image.resize(x, tf.shape(like)[1:3], "nearest")


def at_offsets(x: Tensor, offsets: Offsets) -> list[Tensor]:
    """Returns, for each offset (dy, dx) px, (B, H, W, C) with the values at that offset, clamped at the border."""
    reach = max(abs(step) for offset in offsets for step in offset)
    shape = tf.shape(x)
    height, width = shape[1], shape[2]
    above, below = (tf.repeat(edge, reach, 1) for edge in (x[:, :1], x[:, -1:]))
    x = tf.concat([above, x, below], 1)
    left, right = (tf.repeat(edge, reach, 2) for edge in (x[:, :, :1], x[:, :, -1:]))
    x = tf.concat([left, x, right], 2)
    return [x[:, reach + dy : reach + dy + height, reach + dx : reach + dx + width] for dy, dx in offsets]


def flat(offsets: Offsets) -> Tensor:
    """Returns K offsets as the argument of `around`: (2 K,) int32, whose length is known in a compiled loop."""
    return tf.constant([step for offset in offsets for step in offset], tf.int32)


def around(x: Tensor, offsets: Tensor) -> Tensor:
    """Returns the same as `at_offsets` as one (B, H, W, K, C), for compiled loops that never write it to memory.

    Args:
      x: (B, H, W, C).
      offsets: K offsets, from `flat`.
    """
    batch, height, width, _ = tf.unstack(tf.shape(x))
    steps = tf.reshape(offsets, [-1, 2])
    rows = tf.clip_by_value(tf.range(height)[:, None, None] + steps[:, 0], 0, height - 1)
    columns = tf.clip_by_value(tf.range(width)[None, :, None] + steps[:, 1], 0, width - 1)
    index = tf.range(batch)[:, None, None, None] * (height * width) + (rows * width + columns)
    return tf.gather(tf.reshape(x, [-1, x.shape[-1]]), index)
