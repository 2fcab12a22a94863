"""FBNet-2, between stages 2 and 3: propagation of flow from neighbours with which both frames match better.

Flow is estimated at 1/4 and upsampled, so that background moves along with objects in front of it (a halo), and edges
of limbs are bent. The right flow is known next to each such pixel and is copied from there, pixel by pixel at 1/2, as
PatchMatch propagates the offsets of neighbours (C. Barnes et al., SIGGRAPH 2009). No weights; training omits it unless
its recipe says `refined`. Measured in docs/decisions/0023-flow-of-a-neighbour.md.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import tensorflow as tf

from frame_booster.network.averages import mean_around
from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_2.sizes import (
    PROPAGATION_FIT,
    PROPAGATION_GAIN,
    PROPAGATION_OFFSETS,
    PROPAGATION_WINDOW,
)
from frame_booster.network.layers import Tensor
from frame_booster.network.resample import doubled_by_gather
from frame_booster.network.warp import sampled


def _neighbour(motion: Tensor, rows: Tensor, columns: Tensor, every: int = 1) -> Tensor:
    """Returns the motion (B, h, w, C) that many rows below and columns to the right, clamped to the map.

    If `every` is 2, only of every second row and column: (B, h / 2, w / 2, C).
    """
    batch, height, width, channels = tf.unstack(tf.shape(motion))
    y = tf.clip_by_value(tf.reshape(tf.range(0, height, every), [1, -1, 1]) + rows, 0, height - 1)
    x = tf.clip_by_value(tf.reshape(tf.range(0, width, every), [1, 1, -1]) + columns, 0, width - 1)
    index = (tf.reshape(tf.range(batch), [-1, 1, 1]) * height + y) * width + x
    return tf.gather(tf.reshape(motion, [-1, motion.shape[-1] or channels]), index)


def _difference(luma0: Tensor, luma1: Tensor, motion: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    flow = _neighbour(motion[..., :4], rows, columns, 2)
    # The rows and columns that are left out, told to a warp that counts every row and column.
    places = (tf.range(tf.shape(flow)[axis], dtype=tf.float32) for axis in (1, 2))
    here = tf.stack(tf.meshgrid(*places, indexing="ij"), -1)
    return tf.abs(sampled(luma0, flow[..., :2] - here) - sampled(luma1, flow[..., 2:] - here))


def _chosen(motion: Tensor, differences: Tensor, step: Tensor) -> Tensor:
    best, flow = differences[..., :1], motion[..., :4]
    for index, (rows, columns) in enumerate(PROPAGATION_OFFSETS, 1):
        other = differences[..., index : index + 1]
        gain, share = best - other, tf.ones_like(best)
        limits = zip((gain, gain / (best + 1e-6), other), (*PROPAGATION_GAIN, PROPAGATION_FIT), strict=True)
        for value, (nothing, whole) in limits:
            share *= tf.clip_by_value((value - nothing) / (whole - nothing), 0.0, 1.0)
        flow += share * (_neighbour(motion[..., :4], rows * step, columns * step) - flow)
        best -= share * gain
    return tf.concat([flow, motion[..., 4:]], -1)


difference = compiled(_difference, scale=Fraction(1, 2))
"""Difference of both frames at 1/2 (B, h, w, 1), warped by the flow of a neighbour. The neighbour's position is an
input, so that one loop is compiled for all."""
chosen = compiled(_chosen)


def propagated(luma0: Tensor, luma1: Tensor, motion: Tensor, step: int) -> Tensor:
    """Replaces flow by that of a neighbour, to the degree to which both frames match better, and well, with it.

    Args:
      luma0, luma1: brightness of both frames at 1/2, (B, h, w, 1) float32.
      motion: (B, h, w, 5) float32, as `flow.Motion`.
      step: `sizes.propagation_step`.

    Returns:
      The motion with the chosen flows.
    """
    differences: Any = [difference(luma0, luma1, motion, step * y, step * x) for y, x in ((0, 0), *PROPAGATION_OFFSETS)]
    differences = doubled_by_gather(mean_around(tf.concat(differences, -1), PROPAGATION_WINDOW))
    made: Tensor = chosen(motion, differences, step)
    return made
