"""Loss of a teacher's optical flow, where the teacher's frame is about as good as the network's.

Like RIFE's privileged distillation (Huang et al., 2022), but the teacher is another network, or flow stored beside the
clips, and its input is only that of the network.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.layers import Tensor
from frame_booster.training.losses.levels import shrunk

TRUST = 20.0
"""At a mean error of the teacher's frame of 13 code values over 5x5 px, the weight is e^-1."""
MARGIN = 2.0 / 255.0
"""Error over 5x5 px by which the teacher's frame may be worse than the network's."""
WORST = 32.0
"""Limit of the error of a flow, px; larger errors count the same."""


def local_error(frame: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference over 5x5 px, (B, H, W, 1); outside the frame the difference counts as 0."""
    error = tf.reduce_mean(tf.abs(frame - truth), -1, keepdims=True)
    return tf.nn.avg_pool2d(tf.pad(error, [[0, 0], [2, 2], [2, 2], [0, 0]]), 5, 1, "VALID")


def teacher_trust(taught: Tensor, made: Tensor, truth: Tensor) -> Tensor:
    """Returns the weight of a teacher's flow, (B, H, W, 1) in [0, 1], without a gradient.

    Args:
      taught, made, truth: frames of the teacher, of the network, and the true ones, (B, H, W, 3) in [0, 1].
    """
    wrong, present = local_error(taught, truth), local_error(made, truth)
    return tf.stop_gradient(tf.exp(-TRUST * wrong) * tf.cast(wrong < present + MARGIN, tf.float32))


def _distance(flow: Tensor, label: Tensor, trust: Tensor) -> Tensor:
    distance = tf.minimum(tf.sqrt(tf.square(flow - label) + 1e-6), WORST)
    return trust * tf.reduce_mean(distance, -1, keepdims=True)


_compiled_distance = compiled(_distance)


def distillation(flows: list[tuple[Tensor, Tensor]], labels: Tensor, trust: Tensor) -> Tensor:
    """Returns the Charbonnier distance of the flows of all levels to those of a teacher.

    Args:
      flows: as in `Prediction`.
      labels: flows of the teacher, (B, H, W, 4) px, to frame 0 and frame 1.
      trust: result of `teacher_trust`.

    Returns:
      (B,), summed over levels, in px of the level. A level at 1/k of full size counts k/4 times, the full size once.
    """
    total = tf.zeros(tf.shape(labels)[:1])
    for pair in flows:
        factor = labels.shape[1] // pair[0].shape[1]
        label, weight = shrunk(labels, factor) / float(factor), shrunk(trust, factor)
        distance = _compiled_distance(tf.concat(pair, -1), label, weight)
        total += (1.0 if factor == 1 else factor / 4.0) * tf.reduce_mean(distance, [1, 2, 3])
    return total
