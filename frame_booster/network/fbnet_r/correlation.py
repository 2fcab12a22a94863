"""FBNet-R, stage 1e: a correlation volume at 1/8, the similarity of both frames along every motion within reach.

The coarse-to-fine search loses small objects that move far: at 1/16 they are a part of a pixel. Here every motion is
scored at 1/8 by learned descriptors, like the correlation volume of RAFT (Teed and Deng, 2020), but centred on the
interpolated frame, so that there are no holes and nothing has to be projected.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.layers import Tensor

REACH, STEP = 7, 2
"""Motions are STEP px at 1/8 apart, REACH of them in each direction: up to 112 px.

A motion of an even number of px moves both frames by whole px at t = 1/2, whichever frame is the first.
"""
SIDE = 2 * REACH + 1
SHARPNESS = 20.0
"""Logit of equal descriptors; orthogonal ones have 0."""
OUTSIDE = -30.0
"""Logit where a motion points outside one of the frames."""
BYTES_AT_ONCE = 64 << 20
"""Limit for the rows of motions that are scored together: bytes of their descriptors and dot products."""


def _shifts(steps: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the shifts of frame 0 and frame 1, (B, K) int32 px, for K motions and times (B,).

    Rounding half to even makes the shifts the same when the frames are exchanged.
    """
    motion = STEP * steps
    first = tf.cast(tf.round(t[:, None] * tf.cast(motion, tf.float32)), tf.int32)
    return first, motion - first


def _within(index: Tensor, size: Tensor) -> Tensor:
    return tf.clip_by_value(index, 0, size - 1)


def _picked(shape_of: Tensor, products: Tensor, steps: Tensor, t: Tensor) -> Tensor:
    batch, height, width, _ = tf.unstack(tf.shape(shape_of))
    rows = tf.shape(steps)[0]
    y0, y1 = _shifts(steps, t)
    x0, x1 = _shifts(tf.range(-REACH, REACH + 1), t)

    def spread(values: Tensor, axis: int) -> Tensor:
        return tf.reshape(values, [batch, 1, 1, -1, 1] if axis == 3 else [batch, 1, 1, 1, -1])

    y, x = tf.range(height)[None, :, None, None, None], tf.range(width)[None, None, :, None, None]
    at = [y - spread(y0, 3), y + spread(y1, 3), x - spread(x0, 4), x + spread(x1, 4)]
    sizes = [height, height, width, width]
    shown = tf.reduce_all([(i >= 0) & (i < size) for i, size in zip(at[:2], sizes[:2], strict=True)], 0)
    shown &= tf.reduce_all([(i >= 0) & (i < size) for i, size in zip(at[2:], sizes[2:], strict=True)], 0)
    which = tf.range(batch)[:, None, None, None, None] * rows + tf.range(rows)[None, None, None, :, None]
    index = ((which * height + y) * width + _within(at[2], width)) * width + _within(at[3], width)
    scores = tf.where(shown, SHARPNESS * tf.gather(tf.reshape(products, [-1]), index), OUTSIDE)
    return tf.reshape(scores, [batch, height, width, rows * SIDE])


picked = compiled(_picked)
"""The scores (B, h, w, K SIDE) of K rows of motions, gathered from the dot products of all pixels of two rows."""


def correlate(first: Tensor, second: Tensor, t: Tensor) -> Tensor:
    """Scores every motion at every pixel of the interpolated frame at 1/8.

    Args:
      first, second: (B, h, w, C) float32 descriptors of both frames.
      t: (B, 1, 1, 1) float32 in (0, 1).

    Returns:
      (B, h, w, SIDE^2) float32 logits, of the motions (STEP dy, STEP dx) with dy and dx from -REACH to REACH.
    """
    t = tf.reshape(t, [-1])
    height, width = tf.shape(first)[1], tf.shape(first)[2]
    scores = []
    for steps in tf.split(tf.range(-REACH, REACH + 1), _groups(first)):
        y0, y1 = _shifts(steps, t)
        rows = tf.range(height)[None, None]
        lines0 = tf.gather(first, _within(rows - y0[..., None], height), axis=1, batch_dims=1)
        lines1 = tf.gather(second, _within(rows + y1[..., None], height), axis=1, batch_dims=1)
        products = tf.matmul(lines0, lines1, transpose_b=True)
        products = tf.reshape(products, [-1, height, width, width])
        scores.append(picked(first, products, steps, t))
    return tf.concat(scores, -1)


def _groups(descriptors: Tensor) -> int:
    """Returns the number of groups into which the rows of motions are split (`BYTES_AT_ONCE`)."""
    batch, height, width, channels = descriptors.shape
    if None in (batch, height, width):
        return SIDE
    row = 4 * batch * height * width * (width + 2 * channels)
    return next(n for n in (1, 3, 5, SIDE) if n == SIDE or row * SIDE // n <= BYTES_AT_ONCE)


def _strongest(scores: Tensor) -> Tensor:
    best = tf.argmax(scores, -1, output_type=tf.int32)
    dy = tf.clip_by_value(best // SIDE, 1, SIDE - 2)
    dx = tf.clip_by_value(best % SIDE, 1, SIDE - 2)
    around = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    logits = tf.stack([_at(scores, (dy + y) * SIDE + dx + x) for y, x in around], -1)
    weights = tf.nn.softmax(logits, -1)
    middle = tf.cast(tf.stack([dy, dx], -1) - REACH, tf.float32)
    return STEP * (middle + tf.reduce_sum(weights[..., None] * tf.constant(around, tf.float32), -2))


def _at(scores: Tensor, which: Tensor) -> Tensor:
    places = tf.reshape(tf.range(tf.size(which)), tf.shape(which))
    return tf.gather(tf.reshape(scores, [-1]), places * SIDE * SIDE + which)


def _score_of(scores: Tensor, motion: Tensor) -> Tensor:
    position = tf.clip_by_value(motion / STEP + REACH, 0.0, SIDE - 1.001)
    low = tf.floor(position)
    y, x = tf.unstack(position - low, axis=-1)
    low = tf.cast(low, tf.int32)
    which = low[..., 0] * SIDE + low[..., 1]
    top = (1.0 - x) * _at(scores, which) + x * _at(scores, which + 1)
    bottom = (1.0 - x) * _at(scores, which + SIDE) + x * _at(scores, which + SIDE + 1)
    return ((1.0 - y) * top + y * bottom)[..., None]


strongest = compiled(_strongest)
"""The motion (B, h, w, 2) px at 1/8 around the highest score of (B, h, w, SIDE^2): the softmax mean of 3x3 motions."""
score_of = compiled(_score_of)
"""The scores (B, h, w, 1) of motions (B, h, w, 2) px at 1/8, interpolated bilinearly in (B, h, w, SIDE^2)."""
