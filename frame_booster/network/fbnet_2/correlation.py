"""FBNet-2, stage 2a: correlation of both frames' warped features, symmetric about the interpolated frame.

What the flow so far has missed shows as features that are alike at opposite displacements: those of frame 0 at p + d
and those of frame 1 at p - d. The cost volume is local, as in PWC-Net (Sun et al., 2018), and has no matrix of all
places with all others.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.layers import Tensor

EPSILON = 1e-12
"""Least length that features are divided by."""


def _unit(features: Tensor) -> Tensor:
    x = tf.cast(features, tf.float32)
    return x / tf.maximum(tf.sqrt(tf.reduce_sum(tf.square(x), -1, keepdims=True)), EPSILON)


def correlation_within(reach: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Returns the function that correlates two maps within a reach.

    It takes (B, h, w, C) features of frame 0 and frame 1, of any float dtype, and returns (B, h, w, (2 reach + 1)^2)
    float32 in [-1, 1]: cosines, for displacements (dy, dx) from (-reach, -reach) on, row by row. Outside of a map
    there is nothing, which has a cosine of 0.
    """
    side = 2 * reach + 1

    def correlate(first: Tensor, second: Tensor) -> Tensor:
        batch, height, width, _ = tf.unstack(tf.shape(first))
        edges = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
        rows, columns = height + 2 * reach, width + 2 * reach
        steps = tf.range(-reach, reach + 1)
        dy, dx = tf.repeat(steps, side), tf.tile(steps, [side])

        def at(features: Tensor, sign: int) -> Tensor:
            pixels = tf.reshape(tf.pad(_unit(features), edges), [-1, features.shape[-1]])
            y = tf.range(height)[:, None, None] + reach + sign * dy
            x = tf.range(width)[None, :, None] + reach + sign * dx
            return tf.gather(pixels, tf.range(batch)[:, None, None, None] * (rows * columns) + y * columns + x)

        # One gather of all displacements, not a slice for each: as fast, and compiled in a tenth of the time. Within
        # the loop neither it nor the products are written down.
        return tf.reduce_sum(at(first, 1) * at(second, -1), -1)

    return compiled(correlate)
