"""Muon on stacks: the update of each kernel by itself, and Adam for output layers at their own rate."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from frame_booster.training.loop.muon import Muon
from frame_booster.training.loop.stacked_muon import StackedMuon, orthogonalised_stack

rng = np.random.default_rng(1)
SHAPES = {
    "a.one.kernel": (3, 3, 4, 8),
    "a.one.bias": (8,),
    "b.two.kernel": (3, 3, 4, 8),
    "b.wide.kernel": (1, 1, 4, 16),
    "b.out.kernel": (3, 3, 8, 2),
    "b.out.bias": (2,),
}


def variables() -> list[tuple[str, tf.Variable]]:
    return [(name, tf.Variable(tf.zeros(shape))) for name, shape in SHAPES.items()]


def moved(
    optimizer: StackedMuon | Muon, named: list[tuple[str, tf.Variable]], gradients: list
) -> dict[str, np.ndarray]:
    for scale in (1.0, -0.5):
        scaled = [scale * gradient for gradient in gradients]
        if isinstance(optimizer, StackedMuon):
            optimizer.apply(scaled, tf.constant(0.1))
        else:
            optimizer.learning_rate.assign(0.1)
            optimizer.apply_gradients(zip(scaled, [variable for _, variable in named], strict=True))
    return {name: variable.numpy() for name, variable in named}


def test_kernels_move_as_muon_moves_each_and_outputs_as_adam_at_their_rate() -> None:
    gradients = [tf.constant(rng.normal(size=shape), tf.float32) for shape in SHAPES.values()]
    one, other = variables(), variables()
    plain = Muon(0.0, clipnorm=0.5)
    plain.build([variable for _, variable in one])
    expected = moved(plain, one, gradients)
    stacked = StackedMuon(other, outputs=("out",), output_rate=0.1, clipnorm=0.5)
    made = moved(stacked, other, gradients)
    assert [len(at) for at in stacked.stacks.values()] == [2, 1], "kernels of one shape are together"
    for name in ("a.one.kernel", "b.two.kernel", "b.wide.kernel", "a.one.bias"):
        np.testing.assert_allclose(made[name], expected[name], rtol=2e-3, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(made["b.out.bias"], 0.1 * expected["b.out.bias"], rtol=1e-4, atol=1e-7)
    # Adam moves every number alike at first, which Muon does not.
    first = StackedMuon(fresh := variables(), outputs=("out",), output_rate=0.1, clipnorm=0.5)
    first.apply(gradients, tf.constant(0.1))
    np.testing.assert_allclose(np.abs(dict(fresh)["b.out.kernel"].numpy()), 0.01, rtol=1e-3)


def test_a_stack_is_made_orthogonal_matrix_by_matrix() -> None:
    stack = rng.normal(size=(3, 20, 6)).astype(np.float32) * np.geomspace(1.0, 1e-2, 6, dtype=np.float32)
    for made in (orthogonalised_stack(tf.constant(stack)), orthogonalised_stack(tf.constant(stack.swapaxes(1, 2)))):
        values = np.linalg.svd(made.numpy(), compute_uv=False)
        assert values.max() < 1.3
        assert values.min() > 0.3
