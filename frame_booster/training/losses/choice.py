"""Loss of FBNet-R's choice among candidate motions."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.layers import Tensor
from frame_booster.network.prediction import Choice
from frame_booster.network.resample import halve


def choice_error(choices: tuple[Choice, ...], truth: Tensor) -> Tensor:
    """Returns the expected error of a choice among candidates beyond the error of the best candidate.

    Args:
      choices: as in `Prediction`.
      truth: (B, H, W, 3); H and W are those of the choices times a power of two.

    Returns:
      (B,) mean absolute error over 3x3 px, averaged over the choices.
    """
    total = 0.0
    for choice in choices:
        target = truth
        while target.shape[1] > choice.weights.shape[1]:
            target = halve(target)
        error = tf.reduce_mean(tf.abs(choice.seen - target[..., None, :]), -1)
        error = tf.nn.avg_pool2d(error, 3, 1, "SAME")
        error -= tf.reduce_min(error, -1, keepdims=True)
        total += tf.reduce_mean(tf.reduce_sum(choice.weights * tf.stop_gradient(error), -1), [1, 2])
    return total / max(len(choices), 1)
