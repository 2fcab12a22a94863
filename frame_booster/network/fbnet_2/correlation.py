"""FBNet-2, stage 2a: the cost volume, a correlation of both frames' warped features about the interpolated frame.

If the flow so far is wrong by d, the features of frame 0 at p + d and of frame 1 at p - d match. The cost volume is
local, as in PWC-Net (Sun et al., 2018): no matrix of all positions with all others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

from frame_booster.network.compiling import FEW_PIXELS, compiled, differentiable
from frame_booster.network.layers import Tensor

EPSILON = 1e-12
"""Minimum norm by which features are divided."""


def unit_length(features: Tensor) -> Tensor:
    """Returns features (B, h, w, C) of any float dtype as float32, normalized to length 1 at each pixel."""
    x = tf.cast(features, tf.float32)
    return x / tf.maximum(tf.sqrt(tf.reduce_sum(tf.square(x), -1, keepdims=True)), EPSILON)


def _correlated_rows(reach: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Returns `correlation_within` for training: matrix products, forward and backward.

    Each row of frame 0 is multiplied with the rows of frame 1 within reach, all columns with all columns, and the
    entries at opposite displacements are selected. Each entry belongs to at most one displacement, so the gradient of
    the selection is a selection, too, not a scatter-add.
    """
    side = 2 * reach + 1

    def rows(features: Tensor) -> Tensor:
        """Returns (B, h, side * w, C): for each row y1 the rows y1 - 2 dy of the other frame, zeros outside."""
        height = tf.shape(features)[1]
        padded = tf.pad(features, [[0, 0], [2 * reach, 2 * reach], [0, 0], [0, 0]])
        return tf.concat([padded[:, 2 * (reach - dy) :][:, :height] for dy in range(-reach, reach + 1)], 2)

    def chosen(products: Tensor) -> Tensor:
        """Selects from (B, h, w, side * w), rows y1, columns x1, dy and x2, to (B, h, w, side * side)."""
        batch, height, width, _ = tf.unstack(tf.shape(products))
        edges = [[0, 0], [reach, reach], [reach, reach], [0, 0], [reach, reach]]
        padded = tf.pad(tf.reshape(products, [batch, height, width, side, width]), edges)
        steps = tf.range(-reach, reach + 1)
        dy, dx = tf.repeat(steps, side), tf.tile(steps, [side])
        y = tf.range(height)[:, None, None] + reach + dy
        x1 = tf.range(width)[None, :, None] + reach + dx
        x2 = tf.range(width)[None, :, None] + reach - dx
        wide = width + 2 * reach
        index = ((y * wide + x1) * side + dy + reach) * wide + x2
        per_frame = (height + 2 * reach) * wide * side * wide
        return tf.gather(tf.reshape(padded, [-1]), tf.range(batch)[:, None, None, None] * per_frame + index)

    def placed(upstream: Tensor) -> Tensor:
        """Applies the adjoint of `chosen`: (B, h, w, side * side) to (B, h, w, side * w)."""
        batch, height, width, _ = tf.unstack(tf.shape(upstream))
        padded = tf.pad(upstream, [[0, 0], [reach, reach], [0, 0], [0, 0]])
        dy = tf.range(-reach, reach + 1)[None, None, :, None]
        x1, x2 = tf.range(width)[None, :, None, None], tf.range(width)[None, None, None, :]
        y = tf.range(height)[:, None, None, None] + reach - dy
        dx = (x1 - x2) // 2
        fits = ((x1 - x2) % 2 == 0) & (tf.abs(dx) <= reach)
        index = ((y * width + (x1 + x2) // 2) * side + dy + reach) * side + tf.clip_by_value(dx + reach, 0, side - 1)
        per_frame = (height + 2 * reach) * width * side * side
        at = tf.range(batch)[:, None, None, None, None] * per_frame + index
        values = tf.where(fits, tf.gather(tf.reshape(padded, [-1]), at), 0.0)
        return tf.reshape(values, [batch, height, width, side * width])

    choose, place, unit = compiled(chosen), compiled(placed), compiled(unit_length)

    def correlate(first: Tensor, second: Tensor) -> Tensor:
        return choose(tf.matmul(first, rows(second), transpose_b=True))

    def gradients(upstream: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        products = place(upstream)
        of_rows = tf.matmul(products, first, transpose_a=True)
        height, width = tf.shape(first)[1], tf.shape(first)[2]
        parts = tf.unstack(tf.reshape(of_rows, [-1, height, side, width, first.shape[-1]]), axis=2)
        padded = [
            tf.pad(part, [[0, 0], [2 * (reach - dy), 2 * (reach + dy)], [0, 0], [0, 0]])
            for dy, part in zip(range(-reach, reach + 1), parts, strict=True)
        ]
        of_second = tf.add_n(padded)[:, 2 * reach :][:, :height]
        return tf.matmul(products, rows(second)), of_second

    product = differentiable(correlate, gradients)
    return lambda first, second: product(unit(first), unit(second))


def _correlated_by_products(reach: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Returns `correlation_within` in plain operations: matrix products of each row with the rows within reach.

    Only one of `width` entries is needed. For small maps this is still the fastest way (23x40 at a reach of 4: 1.5 ms,
    the loop 2.8 ms) and needs no compiling; for large maps it computes `width` times too much.
    """
    side = 2 * reach + 1

    def correlate(first: Tensor, second: Tensor) -> Tensor:
        batch, height, width, _ = tf.unstack(tf.shape(first))
        steps = tf.range(-reach, reach + 1)
        padded = tf.pad(unit_length(second), [[0, 0], [2 * reach, 2 * reach], [0, 0], [0, 0]])
        met = tf.gather(padded, tf.range(height)[:, None] + 2 * (reach - steps), axis=1)
        met = tf.reshape(met, [batch, height, side * width, first.shape[-1]])
        products = tf.reshape(tf.matmul(unit_length(first), met, transpose_b=True), [batch, height, width, side, width])
        products = tf.pad(products, [[0, 0], [reach, reach], [reach, reach], [0, 0], [reach, reach]])
        dy, dx = tf.repeat(steps, side), tf.tile(steps, [side])
        y = tf.range(height)[:, None, None] + reach + dy
        x = tf.range(width)[None, :, None] + reach
        wide = width + 2 * reach
        index = ((y * wide + x + dx) * side + dy + reach) * wide + x - dx
        return tf.gather(tf.reshape(products, [batch, -1]), index, axis=1)

    return correlate


@functools.cache
def correlation_within(reach: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Returns the function that correlates two feature maps within a reach.

    It takes (B, h, w, C) features of frame 0 and frame 1, of any float dtype, and returns (B, h, w, (2 reach + 1)^2)
    float32 in [-1, 1]: cosines for displacements (dy, dx) from (-reach, -reach) on, row by row. Outside of a map the
    cosine is 0.
    """
    side = 2 * reach + 1

    def correlate(first: Tensor, second: Tensor) -> Tensor:
        batch, height, width, _ = tf.unstack(tf.shape(first))
        edges = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
        rows, columns = height + 2 * reach, width + 2 * reach
        steps = tf.range(-reach, reach + 1)
        dy, dx = tf.repeat(steps, side), tf.tile(steps, [side])

        def at(features: Tensor, sign: int) -> Tensor:
            pixels = tf.reshape(tf.pad(unit_length(features), edges), [-1, features.shape[-1]])
            y = tf.range(height)[:, None, None] + reach + sign * dy
            x = tf.range(width)[None, :, None] + reach + sign * dx
            return tf.gather(pixels, tf.range(batch)[:, None, None, None] * (rows * columns) + y * columns + x)

        # One gather of all displacements, not a slice for each: as fast, and compiled in a tenth of the time. Within
        # the loop neither it nor the products are written down.
        return tf.reduce_sum(at(first, 1) * at(second, -1), -1)

    return compiled(
        correlate,
        plainly=_correlated_by_products(reach),
        training=_correlated_rows(reach),
        least_pixels=FEW_PIXELS,
    )
