"""Feature maps and frames at half and at twice their size.

Doubling is bilinear as `tf.image.resize` has it, but in one XLA loop, which takes a third of the time. Pixels become
channels, and channels pixels, as `tf.nn.space_to_depth` and `tf.nn.depth_to_space` have it, but by one transposition,
which takes a quarter of the time on a processor.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import tensorflow as tf

from frame_booster.network.compiling import FEW_PIXELS, compiled, differentiable
from frame_booster.network.layers import Tensor


def halve(x: Tensor) -> Tensor:
    """Average-pools (B, H, W, C) by 2x2 to (B, H/2, W/2, C)."""
    return tf.nn.avg_pool2d(x, 2, 2, "VALID")


def _sides(x: Tensor) -> list[Any]:
    """Returns height and width, as numbers where they are known."""
    dynamic = tf.shape(x)
    return [dynamic[axis] if x.shape[axis] is None else x.shape[axis] for axis in (1, 2)]


def pixels_to_channels(x: Tensor) -> Tensor:
    """Puts each 2x2 pixels of (B, H, W, C) into one, row by row: (B, H/2, W/2, 4 C), as `tf.nn.space_to_depth`."""
    (height, width), channels = _sides(x), x.shape[-1]
    rows = tf.reshape(x, [-1, height // 2, 2, width // 2, 2 * channels])
    return tf.reshape(tf.transpose(rows, [0, 1, 3, 2, 4]), [-1, height // 2, width // 2, 4 * channels])


def channels_to_pixels(x: Tensor) -> Tensor:
    """Spreads the channels of (B, H, W, 4 C) over 2x2 pixels: (B, 2 H, 2 W, C), as `tf.nn.depth_to_space`."""
    (height, width), channels = _sides(x), x.shape[-1] // 4
    rows = tf.transpose(tf.reshape(x, [-1, height, width, 2, 2 * channels]), [0, 1, 3, 2, 4])
    return tf.reshape(rows, [-1, 2 * height, 2 * width, channels])


def _double_along(x: Tensor, axis: int) -> Tensor:
    """Doubles one side: values a quarter of a pixel before and after each, clamped at the border."""
    size = tf.shape(x)[axis]
    first, rest = tf.split(x, [1, size - 1], axis)
    most, last = tf.split(x, [size - 1, 1], axis)
    before, after = tf.concat([first, most], axis), tf.concat([rest, last], axis)
    pairs = tf.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
    shape = tf.unstack(tf.shape(x)[:3])
    shape[axis] *= 2
    return tf.reshape(pairs, [*shape, x.shape[-1]])


def _doubled(x: Tensor) -> Tensor:
    return tf.cast(_double_along(_double_along(tf.cast(x, tf.float32), 2), 1), x.dtype)


def _double_along_by_gather(x: Tensor, axis: int) -> Tensor:
    """The same as `_double_along`, every value asking for its two."""
    size = tf.shape(x)[axis]
    place = tf.range(2 * size)
    nearest = place // 2
    other = tf.clip_by_value(nearest + 2 * (place % 2) - 1, 0, size - 1)
    return 0.75 * tf.gather(x, nearest, axis=axis) + 0.25 * tf.gather(x, other, axis=axis)


def _doubled_by_gather(x: Tensor) -> Tensor:
    made = _double_along_by_gather(_double_along_by_gather(tf.cast(x, tf.float32), 2), 1)
    return tf.cast(made, x.dtype)


def _resized(x: Tensor) -> Tensor:
    return tf.cast(tf.image.resize(x, 2 * tf.shape(x)[1:3], "bilinear"), x.dtype)


def _sum_of_doubled(first: Tensor, second: Tensor, x: Tensor) -> Tensor:
    return _doubled(x) + first + second


def _sum_of_resized(first: Tensor, second: Tensor, x: Tensor) -> Tensor:
    return _resized(x) + first + second


def _gathered_along(x: Tensor, axis: int) -> Tensor:
    """Halves one side by the adjoint of `_double_along`."""
    shape = tf.unstack(tf.shape(x))
    shape[axis] //= 2
    before, after = tf.unstack(tf.reshape(x, [*shape[: axis + 1], 2, *shape[axis + 1 :]]), axis=axis + 1)
    size = shape[axis]
    first, from_before = tf.split(before, [1, size - 1], axis)
    from_after, last = tf.split(after, [size - 1, 1], axis)
    shifted = tf.concat([from_before, last], axis) + tf.concat([first, from_after], axis)
    return 0.75 * (before + after) + 0.25 * shifted


def _gathered(upstream: Tensor) -> Tensor:
    return tf.cast(_gathered_along(_gathered_along(tf.cast(upstream, tf.float32), 1), 2), upstream.dtype)


_compiled_doubled = compiled(_doubled, scale=Fraction(2))
_compiled_gathered = compiled(_gathered, scale=Fraction(1, 2))
_trained_doubled = differentiable(_compiled_doubled, lambda upstream, _x: _compiled_gathered(upstream))
doubled = compiled(_doubled, plainly=_resized, training=_trained_doubled, scale=Fraction(2), least_pixels=FEW_PIXELS)
"""(B, H, W, C) to (B, 2 H, 2 W, C) of the same dtype."""
doubled_by_gather = compiled(
    _doubled_by_gather,
    plainly=_resized,
    training=_trained_doubled,
    scale=Fraction(2),
    least_pixels=FEW_PIXELS,
    any_channels=True,
)
"""`doubled` for networks that run: compiled in half the time, and in a tenth for 16 channels of bfloat16, where XLA
writes the loop over channels out. Its automatic gradient is a scatter; `training_graph` has another."""
sum_of_doubled = compiled(_sum_of_doubled, plainly=_sum_of_resized)
"""The third map, `doubled`, and the two before it, (B, 2 H, 2 W, C), added to it."""
