"""Muon: orthogonal updates that find the weights of a convolution."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.training.loop.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(27, 16), (16, 40), (9, 1)])
def test_muon_moves_all_directions_alike(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    # Directions that differ in strength by a factor of 1000.
    matrix = rng.normal(size=shape) * np.geomspace(1.0, 1e-3, shape[1])
    made = orthogonalised(tf.constant(matrix, tf.float32)).numpy()
    values = np.linalg.svd(made, compute_uv=False)
    assert values.max() < 1.3
    assert np.median(values) > 0.6
    assert np.sum(made * matrix) > 0


def test_muon_finds_the_weights_of_a_convolution() -> None:
    rng = np.random.default_rng(2)
    x = tf.constant(rng.normal(size=(4, 12, 12, 3)), tf.float32)
    truth = tf.constant(rng.normal(size=(3, 3, 3, 5)) * 0.3, tf.float32)
    kernel, bias = tf.Variable(tf.zeros([3, 3, 3, 5])), tf.Variable(tf.zeros([5]))
    optimizer = Muon(weight_decay=0.0, clipnorm=10.0)
    optimizer.build([kernel, bias])
    losses = []
    for step in range(150):
        optimizer.learning_rate.assign(0.05 * (1 - step / 150))
        with tf.GradientTape() as tape:
            made = tf.nn.conv2d(x, kernel, 1, "SAME") + bias
            loss = tf.reduce_mean(tf.square(made - tf.nn.conv2d(x, truth, 1, "SAME") - 0.5))
        optimizer.apply_gradients(zip(tape.gradient(loss, [kernel, bias]), [kernel, bias], strict=True))
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 100
