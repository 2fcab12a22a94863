"""FBNet-2 is trained as its reference in PyTorch trains it: losses, gradients and updates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.compiling import training_graph
from frame_booster.network.fbnet_2.conversion import from_reference
from frame_booster.network.fbnet_2.network import FBNet2
from frame_booster.network.layers import named_weights
from frame_booster.training.config import Phase, RunConfig
from frame_booster.training.loop.fused_step import FusedStep, Samples
from frame_booster.training.losses.distillation import distillation, teacher_trust
from frame_booster.training.losses.levels import levels_error
from frame_booster.training.losses.reconstruction import census, laplacian
from tests.network.test_fbnet_2 import reference_weights
from tests.training import formula
from tests.training.runs import ROOT

GOLDEN = np.load(ROOT / "tests" / "data" / "fbnet-2.training.npz")
"""What the reference computes of `formula`: its losses and their gradients on 8 samples of 48 px, a step from
`reference_weights` on 2 samples of 64 px. Of a gradient each (size // 64)th number, 64 at the most."""


@pytest.fixture(autouse=True)
def eagerly() -> Iterator[None]:
    """Nothing is compiled, which takes longer than all that is computed here."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def pairs(motions: list[Any]) -> list[tuple[Any, Any]]:
    return [(motion[..., :2], motion[..., 2:4]) for motion in motions]


def test_losses_and_their_gradients_are_the_references() -> None:
    first, truth, last = map(tf.constant, formula.frames(0, 8, 48))
    made = truth + formula.field(9, (8, 48, 48, 3), 0.05)
    motions = [tf.constant(motion) for motion in formula.levels(3, 8, 48)]
    labels = tf.constant(formula.field(5, (2, 48, 48, 4), 4.0))
    taught = truth[:2] + formula.field(7, (2, 48, 48, 3), 0.05)
    with tf.GradientTape() as tape:
        tape.watch([made, *motions])
        masks = [motion[..., 4:] for motion in motions]
        trust = teacher_trust(taught, made[:2], truth[:2])
        parts = {
            "laplacian": tf.reduce_mean(laplacian(made, truth)),
            "census": 0.1 * tf.reduce_mean(census(made[:2], truth[:2])),
            "levels": 0.3 * tf.reduce_mean(levels_error(pairs(motions), masks, first, last, truth, tf.fill([8], 0.5))),
            "distillation": 0.05
            * tf.reduce_mean(distillation([(a[:2], b[:2]) for a, b in pairs(motions)], labels, trust)),
        }
        total = tf.add_n(list(parts.values()))
    for name, value in parts.items():
        assert float(value) == pytest.approx(float(GOLDEN[name]), rel=1e-5), name
    np.testing.assert_allclose(trust[:1, ::4, ::4], GOLDEN["trust"], atol=2e-3)
    of_frame, *of_motions = tape.gradient(total, [made, *motions])
    np.testing.assert_allclose(of_frame[:1, ::4, ::4], GOLDEN["frame_gradient"], rtol=1e-3, atol=1e-7)
    for k, gradient in enumerate(of_motions):
        norm = float(tf.norm(gradient[..., :4]))
        assert norm == pytest.approx(float(GOLDEN[f"flow_gradient_norm_{k}"]), rel=1e-3), k
    np.testing.assert_allclose(of_motions[3][:1, ..., :4], GOLDEN["flow_gradient"], rtol=1e-2, atol=1e-7)


def some(values: Any) -> np.ndarray:
    flat: np.ndarray = np.asarray(values).ravel()
    return flat[:: max(1, flat.size // 64)][:64]


def with_reference_weights() -> FBNet2:
    network, tensors = FBNet2(), from_reference(reference_weights())
    for name, variable in named_weights(network):
        variable.assign(tensors[name])
    return network


def test_a_step_is_the_references(monkeypatch: pytest.MonkeyPatch) -> None:
    network = with_reference_weights()
    weights = {"levels_weight": (0.3, 0.3), "distil_weight": (0.05, 0.05)}
    phase = Phase(steps=9, height=64, width=64, batch=2, learning_rate=(1e-3, 1e-3), **weights)  # type: ignore[arg-type]
    config = RunConfig(
        network="fbnet-2",
        loss={"laplacian": 1.0, "census": 0.1},
        phases=(phase,),
        optimizer="stacked-muon",
        clipnorm=0.5,
        census_part=0.25,
        coarser_scales=1,
        teacher="stored",
    )
    step = FusedStep(network, config)
    frames = formula.frames(1, 2, 64)
    taught = frames[1][:1] + formula.field(7, (1, 64, 64, 3), 0.03)
    labels = formula.field(5, (1, 64, 64, 4), 4.0)
    monkeypatch.setattr(step, "_taught", lambda *_: (tf.constant(labels), tf.constant(taught), tf.ones(1)))
    samples = Samples(
        tf.constant(255.0 * np.stack(frames, 1)),
        tf.constant([0.5, 0.4]),
        tf.zeros(2),
        tf.zeros((1, 64, 64, 5), tf.float16),
        tf.ones(1),
    )
    at = step.weights_at(0)
    _, values, gradients = step.gradients(samples, tf.constant(at), (True, True, True, True, False))
    for name, weight, value in zip(("laplacian", "census", "levels", "distillation"), at, values, strict=False):
        assert weight * float(value) == pytest.approx(float(GOLDEN[f"step.{name}"]), rel=1e-4), name
    order = {name: k for k, name in enumerate(GOLDEN["names"])}
    assert sorted(order) == sorted(step.names)
    for name, gradient in zip(step.names, gradients, strict=True):
        ours, theirs = some(gradient), GOLDEN["gradients"][order[name]]
        theirs = theirs[: ours.size]
        cosine = ours @ theirs / (np.linalg.norm(ours) * np.linalg.norm(theirs))
        assert cosine > 0.999, name
        assert float(tf.norm(gradient)) == pytest.approx(float(GOLDEN["norms"][order[name]]), rel=1e-3), name
    before = [variable.numpy() for variable in step.variables]
    step.optimizer.apply(gradients, tf.constant(1e-3))
    moved = {n: v.numpy() - b for n, v, b in zip(step.names, step.variables, before, strict=True)}
    updates = [name for name in GOLDEN.files if name.startswith("update.")]
    assert len(updates) == 4
    for name in updates:
        ours, theirs = some(moved[name.removeprefix("update.")]), GOLDEN[name]
        assert np.linalg.norm(ours - theirs) < 0.05 * np.linalg.norm(theirs), name


def test_refined_training_makes_the_frame_that_runs_and_descends_its_error() -> None:
    network, t = with_reference_weights(), tf.constant([0.4])
    first, truth, last = (tf.constant(frame[:1]) for frame in formula.frames(1, 2, 64))
    ran = network(first, last, t).unclipped
    weights = dict(named_weights(network))
    # Of fusion, all of which has a gradient, and of the level before: what moves its flow has none.
    names = ["fusion.out.kernel", "fusion.head.kernel", "quarter.out.kernel"]
    trained = [weights[name] for name in names]

    def error() -> Any:
        with training_graph(refined=True):
            made = network(first, last, t)
        return tf.reduce_mean(tf.square(made.unclipped - truth)), made

    with tf.GradientTape() as tape:
        value, made = error()
    np.testing.assert_allclose(made.unclipped, ran, atol=1e-5)
    with training_graph():
        plain = network(first, last, t).unclipped
    assert float(tf.reduce_max(tf.abs(plain - ran))) > 1e-3
    for name, variable, gradient in zip(names, trained, tape.gradient(value, trained), strict=True):
        norm, before = float(tf.norm(gradient)), tf.identity(variable)
        assert norm > 0, name
        length = 1e-3 * float(tf.norm(before))
        variable.assign(before - length * gradient / norm)
        lower = float(error()[0])
        variable.assign(before + length * gradient / norm)
        higher = float(error()[0])
        variable.assign(before)
        slope = (higher - lower) / (2.0 * length)
        assert slope == pytest.approx(norm, rel=0.05 if name.startswith("fusion") else 0.5), name
