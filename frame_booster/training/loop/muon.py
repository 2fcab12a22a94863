"""Muon: momentum whose matrices are made orthogonal before they are applied (K. Jordan, 2024).

All directions of a kernel change at the same rate. A few samples with huge gradients therefore cannot dominate, and
rare but consistent directions have an effect, which matters most with few samples.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from frame_booster.network.layers import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic polynomial that moves singular values to about 1; from Jordan's note on Muon."""
ITERATIONS = 5
LIKE_ADAM = 0.2
"""Root mean square of an update at rate 1, so that learning rates for Adam fit (Liu et al., 2025)."""


def orthogonalised(matrix: Tensor) -> Tensor:
    """Returns (m, n) float32 with the singular vectors of `matrix` and singular values near 1."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = tf.transpose(matrix) if tall else matrix
    x /= tf.norm(x) + 1e-12
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = tf.matmul(x, x, transpose_b=True)
        x = a * x + tf.matmul(b * square + c * tf.matmul(square, square), x)
    return tf.transpose(x) if tall else x


class Muon:
    """Muon for convolution kernels and AdamW for all other weights, with the interface of a Keras optimizer.

    Args:
      weight_decay: share of a weight that is subtracted per step, multiplied by the learning rate.
      momentum: momentum of Muon.
      clipnorm: limit for the gradient norm of each variable.
    """

    def __init__(self, weight_decay: float, momentum: float = 0.95, clipnorm: float = 1.0) -> None:
        self.weight_decay, self.momentum, self.clipnorm = weight_decay, momentum, clipnorm
        self.learning_rate = tf.Variable(1e-4, trainable=False, name="learning_rate")
        self.iterations = tf.Variable(0.0, trainable=False, name="iterations")
        self.variables: list[Any] = []

    def build(self, variables: list[Any]) -> None:
        """Creates the state of the optimizer for these weights."""
        self.first = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in variables]
        # Kernels need no second moment.
        self.second = {
            k: tf.Variable(tf.zeros(v.shape), trainable=False) for k, v in enumerate(variables) if len(v.shape) != 4
        }
        self.variables = [self.iterations, *self.first, *self.second.values()]

    def _muon(self, k: int, gradient: Tensor) -> Tensor:
        moment = self.first[k]
        moment.assign(self.momentum * moment + (1.0 - self.momentum) * gradient)
        ahead = self.momentum * moment + (1.0 - self.momentum) * gradient
        height, width, channels, filters = gradient.shape
        rows = height * width * channels
        made = orthogonalised(tf.reshape(ahead, [rows, filters]))
        return LIKE_ADAM * max(rows, filters) ** 0.5 * tf.reshape(made, gradient.shape)

    def _adam(self, k: int, gradient: Tensor) -> Tensor:
        first, second = self.first[k], self.second[k]
        first.assign(0.9 * first + 0.1 * gradient)
        second.assign(0.99 * second + 0.01 * tf.square(gradient))
        unbiased = tf.sqrt(second / (1.0 - 0.99**self.iterations)) + 1e-8
        return first / (1.0 - 0.9**self.iterations) / unbiased

    def apply_gradients(self, pairs: Any) -> None:
        """Takes one step; pairs of gradient and variable are in the order given to `build`."""
        self.iterations.assign_add(1.0)
        for k, (gradient, variable) in enumerate(pairs):
            gradient = tf.clip_by_norm(gradient, self.clipnorm)
            update = self._adam(k, gradient) if k in self.second else self._muon(k, gradient)
            variable.assign_sub(self.learning_rate * (update + self.weight_decay * variable))
