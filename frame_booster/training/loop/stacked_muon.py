"""Muon on stacks of kernels: one product makes all kernels of a shape orthogonal; Adam trains all other weights.

`muon.Muon` needs one product for each kernel. Here Adam also trains the kernels of output layers, with a learning rate
of their own, because a step in such a layer changes its whole output at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from frame_booster.network.layers import Tensor
from frame_booster.training.loop.muon import COEFFICIENTS, ITERATIONS, LIKE_ADAM

MOMENTUM = 0.95
FIRST, SECOND, EPSILON = 0.9, 0.99, 1e-8
"""Decay rates and epsilon of Adam."""


def orthogonalised_stack(stack: Tensor, precision: str = "float32") -> Tensor:
    """Returns (n, rows, columns) float32, matrices with singular values near 1, like `muon.orthogonalised`.

    Args:
      stack: (n, rows, columns) float32.
      precision: dtype of the products. bfloat16 is precise enough for the iteration, and fastest on a GPU.
    """
    tall = stack.shape[1] > stack.shape[2]
    x = tf.cast(stack / (tf.norm(stack, axis=[1, 2], keepdims=True) + 1e-12), precision)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        # The smaller of the two products of a matrix with its transpose, without a transposed copy.
        square = tf.matmul(x, x, transpose_a=tall, transpose_b=not tall)
        polynomial = b * square + c * tf.matmul(square, square)
        x = a * x + (tf.matmul(x, polynomial) if tall else tf.matmul(polynomial, x))
    return tf.cast(x, tf.float32)


class StackedMuon:
    """The optimizer, for use in a graph; for checkpoints it has the state variables of a Keras optimizer.

    Args:
      named: names and variables to train.
      outputs: names of the output layers; the layer is the last but one part of a weight's name.
      output_rate: learning rate of the output layers relative to the others.
      clipnorm: limit for the gradient norm of each variable.
      weight_decay: share of a kernel that Muon subtracts per step, multiplied by the learning rate.
      precision: dtype of Muon's products.
    """

    def __init__(
        self,
        named: list[tuple[str, Any]],
        *,
        outputs: tuple[str, ...],
        output_rate: float,
        clipnorm: float,
        weight_decay: float = 0.0,
        precision: str = "float32",
    ) -> None:
        self.clipnorm, self.weight_decay, self.precision = clipnorm, weight_decay, precision
        self.stacks: dict[tuple[int, ...], list[int]] = {}
        self.rest: list[int] = []
        rates = []
        for k, (name, variable) in enumerate(named):
            is_output, shape = name.split(".")[-2] in outputs, tuple(variable.shape)
            if len(shape) == 4 and not is_output:
                self.stacks.setdefault(shape, []).append(k)
            else:
                self.rest.append(k)
                rates.append(np.full(int(np.prod(shape)), output_rate if is_output else 1.0, np.float32))
        self._trained = [variable for _, variable in named]
        self._rates = tf.constant(np.concatenate(rates)) if rates else tf.zeros([0])
        self.iterations = tf.Variable(0.0, trainable=False, name="iterations")
        self.moments = [tf.Variable(tf.zeros([len(at), *shape]), trainable=False) for shape, at in self.stacks.items()]
        self.first = tf.Variable(tf.zeros_like(self._rates), trainable=False)
        self.second = tf.Variable(tf.zeros_like(self._rates), trainable=False)
        self.variables = [self.iterations, self.first, self.second, *self.moments]

    def apply(self, gradients: list[Tensor], rate: Tensor) -> None:
        """Takes one step; gradients are in the order of the variables. Can be part of a graph."""
        self.iterations.assign_add(1.0)
        clipped = [g * tf.minimum(1.0, self.clipnorm / (tf.norm(g) + 1e-12)) for g in gradients]
        for (shape, at), moment in zip(self.stacks.items(), self.moments, strict=True):
            stack = tf.stack([clipped[k] for k in at])
            kept = moment.assign(MOMENTUM * moment + (1.0 - MOMENTUM) * stack)
            ahead = MOMENTUM * kept + (1.0 - MOMENTUM) * stack
            rows, columns = shape[0] * shape[1] * shape[2], shape[3]
            made = orthogonalised_stack(tf.reshape(ahead, [len(at), rows, columns]), self.precision)
            made = tf.reshape(LIKE_ADAM * max(rows, columns) ** 0.5 * made, [len(at), *shape])
            for k, update in zip(at, tf.unstack(made), strict=True):
                if self.weight_decay:
                    update += self.weight_decay * self._trained[k]
                self._trained[k].assign_sub(rate * update)
        if self.rest:
            self._apply_adam([clipped[k] for k in self.rest], rate)

    def _apply_adam(self, gradients: list[Tensor], rate: Tensor) -> None:
        flat = tf.concat([tf.reshape(g, [-1]) for g in gradients], 0)
        first = self.first.assign(FIRST * self.first + (1.0 - FIRST) * flat)
        second = self.second.assign(SECOND * self.second + (1.0 - SECOND) * tf.square(flat))
        unbiased = tf.sqrt(second / (1.0 - SECOND**self.iterations)) + EPSILON
        update = rate * self._rates * first / (1.0 - FIRST**self.iterations) / unbiased
        parts = tf.split(update, [int(np.prod(g.shape)) for g in gradients])
        for k, part in zip(self.rest, parts, strict=True):
            variable = self._trained[k]
            variable.assign_sub(tf.reshape(part, variable.shape))
