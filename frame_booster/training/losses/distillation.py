"""The loss of a teacher's optical flow, where the teacher's frame is about as right as the network's.

As RIFE's privileged distillation (Huang et al., 2022), but the teacher is another network, or its flow stored beside
the clips, and sees no more than the network does.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.layers import Tensor
from frame_booster.training.losses.levels import shrunk

TRUST = 20.0
"""A place where the teacher's frame is wrong by 13 code values, over 5x5 px, has e^-1 of the weight."""
MARGIN = 2.0 / 255.0
"""How much more wrong than the network the teacher may be, over 5x5 px."""
WORST = 32.0
"""Px beyond which a wrong flow is no longer told from one that is more so."""


def local_error(frame: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference over 5x5 px, (B, H, W, 1); outside of the frame there is none."""
    error = tf.reduce_mean(tf.abs(frame - truth), -1, keepdims=True)
    return tf.nn.avg_pool2d(tf.pad(error, [[0, 0], [2, 2], [2, 2], [0, 0]]), 5, 1, "VALID")


def teacher_trust(taught: Tensor, made: Tensor, truth: Tensor) -> Tensor:
    """Tells how far a teacher's flow is to be believed, (B, H, W, 1) in [0, 1]; it has no gradient.

    Args:
      taught, made, truth: the teacher's frame, the network's, and the true one, (B, H, W, 3) in [0, 1].
    """
    wrong, present = local_error(taught, truth), local_error(made, truth)
    return tf.stop_gradient(tf.exp(-TRUST * wrong) * tf.cast(wrong < present + MARGIN, tf.float32))


def _distance(flow: Tensor, label: Tensor, trust: Tensor) -> Tensor:
    distance = tf.minimum(tf.sqrt(tf.square(flow - label) + 1e-6), WORST)
    return trust * tf.reduce_mean(distance, -1, keepdims=True)


_compiled_distance = compiled(_distance)


def distillation(flows: list[tuple[Tensor, Tensor]], labels: Tensor, trust: Tensor) -> Tensor:
    """Charbonnier distance of the flows of all levels to a teacher's, in px of full size below 1/4.

    Args:
      flows: as in `Prediction`.
      labels: the teacher's, (B, H, W, 4) px, to frame 0 and frame 1.
      trust: of `teacher_trust`.

    Returns:
      (B,), summed over levels: those at 1/4 and at full size count in their own px, coarser ones more.
    """
    total = tf.zeros(tf.shape(labels)[:1])
    for pair in flows:
        factor = labels.shape[1] // pair[0].shape[1]
        label, weight = shrunk(labels, factor) / float(factor), shrunk(trust, factor)
        distance = _compiled_distance(tf.concat(pair, -1), label, weight)
        total += (1.0 if factor == 1 else factor / 4.0) * tf.reduce_mean(distance, [1, 2, 3])
    return total
