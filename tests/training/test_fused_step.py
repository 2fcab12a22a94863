"""A step as one graph: what is not a number changes nothing, weights are averaged, several steps are one call."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.errors import InputError
from frame_booster.network.fbnet_2.residual import PReluConvolution
from frame_booster.network.presets import create_network
from frame_booster.training.config import RunConfig, load_config
from frame_booster.training.loop.checks import check_config
from frame_booster.training.loop.fused_step import FusedStep, Samples
from frame_booster.training.losses import perceptual
from frame_booster.training.losses.reconstruction import LOSSES
from tests.training.runs import ROOT, Small, fused_config

rng = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def plain_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that compiles at once."""
    monkeypatch.setitem(LOSSES, "squared", lambda made, truth: tf.reduce_mean(tf.square(made - truth), [1, 2, 3]))


def samples(count: int = 1, batch: int = 4, stored: int = 0) -> Samples:
    many = [
        (
            rng.integers(0, 255, (batch, 3, 32, 32, 3)).astype(np.uint8),
            np.full(batch, 0.5, np.float32),
            rng.random(2).astype(np.float32),
            np.full((stored, 32, 32, 5), 0.5, np.float16),
            np.ones(stored, np.float32),
        )
        for _ in range(count)
    ]
    if count == 1:
        return Samples(*map(tf.constant, many[0]))
    return Samples(*(tf.constant(np.stack(values)) for values in zip(*many, strict=True)))


def made(config: RunConfig | None = None, **more: Any) -> FusedStep:
    tf.keras.utils.set_random_seed(1)
    return FusedStep(Small(), config or fused_config(), **more)


def state(step: FusedStep) -> list[np.ndarray]:
    return [v.numpy() for v in (*step.variables, *step.average, *step.optimizer.variables)]


def test_several_steps_are_one_call_and_weights_are_averaged() -> None:
    one, several, drawn = made(), made(), samples(3)
    rates, weights = [1e-2, 5e-3, 2e-3], [[1.0, 0.0, 0.0, 0.0]] * 3
    expected = [variable.numpy() for variable in one.variables]
    for k in range(3):
        one(tf.nest.map_structure(lambda x, k=k: x[k], drawn), rates[k : k + 1], weights[:1])
        share = 1 - min(0.9, (2 + k) / (11 + k))
        for average, variable in zip(expected, one.variables, strict=True):
            average += share * (variable.numpy() - average)
    several(drawn, rates, weights)
    for first, second in zip(state(one), state(several), strict=True):
        np.testing.assert_allclose(second, first, rtol=1e-4, atol=1e-6)
    for average, theirs in zip(one.average, expected, strict=True):
        np.testing.assert_allclose(average.numpy(), theirs, rtol=1e-4, atol=1e-6)
    figures, others = one.figures(), several.figures()
    assert figures == pytest.approx(others, rel=1e-4)
    assert figures["loss"] == pytest.approx(figures["squared"])
    assert set(figures) == {"loss", "squared", "levels", "distil", "perceptual", "psnr", "skipped"}
    assert one.figures()["psnr"] == 0.0, "means begin anew"


def test_gradients_of_several_batches_are_those_of_a_large_one() -> None:
    drawn, weights = samples(3), [[1.0, 0.0, 0.0, 0.0]]
    large = made()
    large(tf.nest.map_structure(lambda x: tf.concat([x[0], x[1]], 0), drawn), [1e-2], weights)
    small = made(fused_config(batches_per_update=2))
    before = state(small)
    small(tf.nest.map_structure(lambda x: x[0], drawn), [5.0], weights)
    for old, new in zip(before, state(small), strict=True):
        np.testing.assert_array_equal(new, old, err_msg="one of two changes nothing")
    small(tf.nest.map_structure(lambda x: x[1], drawn), [1e-2], weights)
    for one, other in zip(state(large), state(small), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-5)
    after = state(small)
    small(tf.nest.map_structure(lambda x: x[2], drawn), [5.0], weights)
    assert all(np.array_equal(old, new) for old, new in zip(after, state(small), strict=True)), "the next begins anew"


def test_layers_whose_loops_are_traced_for_all_channels_are_trained() -> None:
    """Those of FBNet-2: in a graph TensorFlow knows no shape of the gradients of their biases and slopes."""
    network = Small()
    network.one = PReluConvolution(6, 8, precision="float32", name="one")
    step = FusedStep(network, fused_config())
    before = [variable.numpy() for variable in step.variables]
    step(samples(), [1e-2], [[1.0, 0.0, 0.0, 0.0]])
    for old, variable in zip(before, step.variables, strict=True):
        assert np.abs(variable.numpy() - old).max() > 0.0, variable.name


def test_what_is_not_a_number_changes_nothing_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES, "squared", lambda made, truth: tf.reduce_mean(made, [1, 2, 3]) / tf.reduce_mean(truth))
    step = made()
    good = samples()
    black = good._replace(frames=tf.zeros_like(good.frames))
    step(good, [1e-2], [[1.0, 0.0, 0.0, 0.0]])
    before, loss = state(step), step.figures()["loss"]
    step(black, [1e-2], [[1.0, 0.0, 0.0, 0.0]])
    assert all(np.array_equal(one, other) for one, other in zip(before, state(step), strict=True))
    step(good, [0.0], [[1.0, 0.0, 0.0, 0.0]])
    figures = step.figures()
    assert figures["skipped"] == 1
    assert 0 < abs(figures["loss"]) < 2 * abs(loss) + 1, "the mean of those that counted"
    assert not np.array_equal(before[-1], state(step)[-1])


@pytest.mark.parametrize("teacher", ["stored", "network"])
def test_a_teacher_is_a_network_or_stored_flow(teacher: str) -> None:
    config = fused_config(teacher="stored", teacher_part=0.5, distil_weight=(0.1, 0.1))
    other = None
    if teacher == "network":
        other = Small()
        other.any_timestep = False
    step = made(config, teacher=other)
    drawn = samples(stored=0 if other else 4)
    first, _, second = tf.unstack(tf.cast(drawn.frames, tf.float32) / 255.0, axis=1)
    labels, frame, known = step._taught(first, second, drawn)
    assert labels.shape == ((2 if other else 4), 32, 32, 4)
    assert frame.shape[0] == len(labels) == len(known)
    assert float(tf.reduce_min(known)) == 1.0
    if other:
        late = step._taught(first, second, drawn._replace(t=tf.fill([4], 0.3)))
        assert float(tf.reduce_max(late[2])) == 0.0, "a teacher of the middle alone"
    step(drawn, [1e-2], [step.weights_at(0)])
    assert step.figures()["distil"] > 0


def test_the_perceptual_distance_sees_a_square_of_the_last_samples() -> None:
    asked: list[tuple[Any, Any]] = []

    def distance(one: Any, other: Any) -> Any:
        asked.append((one.shape, other.shape))
        return tf.reduce_mean(tf.abs(one - other), [1, 2, 3])

    config = fused_config(perceptual_weight=(2.0, 2.0), perceptual_part=0.5, perceptual_side=16)
    step = made(config, perceptual=distance)
    step(samples(), [1e-2], [step.weights_at(0)])
    assert asked[0] == ((2, 16, 16, 3), (2, 16, 16, 3))
    figures = step.figures()
    assert figures["loss"] == pytest.approx(figures["squared"] + 2 * figures["perceptual"], rel=1e-5)
    frames = tf.constant(rng.random((3, 8, 9, 3)), tf.float32)
    cut, same = perceptual.patches(frames, frames, 2, 4, tf.constant([0.99, 0.0]))
    np.testing.assert_array_equal(cut, frames[1:, 4:, :4])
    np.testing.assert_array_equal(cut, same)


def test_without_st_lpips_the_perceptual_loss_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptual, "MODULE", "frame_booster.training.no_such_module")
    with pytest.raises(InputError, match="perceptual_weight needs ST-LPIPS"):
        made(fused_config(perceptual_weight=(0.0, 2.0)))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (fused_config(flow_weight=(0.1, 0.1)), "flow_weight needs another optimizer"),
        (fused_config(optimizer="adamw", levels_weight=(0.1, 0.1)), 'levels_weight needs optimizer = "stacked-muon"'),
        (fused_config(distil_weight=(0.1, 0.1)), "needs a teacher"),
        (fused_config(even=True), "does not support even"),
        (fused_config(refined=True, network="fbnet-r"), "refined is not supported"),
        (fused_config(refined=True, network="fbnet-2", optimizer="muon"), "refined is not supported"),
        (fused_config(optimizer="muon", minutes=3.0), "minutes, steps_per_call"),
        (fused_config(sampler="windows", width=64), "windows are square:"),
        (fused_config(sampler="windows", network="fbnet"), "fbnet interpolates only the middle frame"),
        (fused_config(any_timestep=0.1, network="fbnet"), "only the middle frame .set any_timestep = 0.0"),
        (fused_config(optimizer="muon", any_timestep=0.1, network="fbnet"), "fbnet interpolates only the middle frame"),
        (fused_config(flow_downscale=(0, 1), network="fbnet"), "fbnet does not support flow_downscale = 1"),
        (fused_config(teacher="stored", distil_weight=(0.1, 0.1)), "needs sampler = .windows"),
        (fused_config(loss={"squares": 1.0}), "unknown loss 'squares'"),
        (fused_config(optimizer="muon", loss={}), "no loss, so nothing trains"),
    ],
)
def test_what_only_the_other_kind_of_step_can_do_is_refused(config: RunConfig, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_config(config)


def test_weights_go_from_the_first_to_the_second_of_their_pair() -> None:
    step = made(replace(fused_config(levels_weight=(0.2, 0.4))))
    assert [step.weights_at(k)[1] for k in (0, 5)] == pytest.approx([0.2, 0.4])


@pytest.mark.parametrize("path", sorted((ROOT / "weights" / "recipes").rglob("*.toml")), ids=lambda path: path.stem)
def test_recipes_of_weights_that_ship_are_taken(path: Path) -> None:
    check_config(load_config(path))


def test_output_layers_are_those_of_the_network_unless_none_are_asked_for() -> None:
    with pytest.raises(InputError, match="no layer 'last'"):
        made(fused_config(output_layers=("two", "last")))
    made(fused_config(output_layers=RunConfig.output_layers))


def test_a_step_compiled_for_a_gpu_has_no_whole_numbers() -> None:
    """TensorFlow keeps variables of them on the processor, where a computation of XLA's on a GPU cannot reach."""
    step = made(fused_config(batches_per_update=2))
    step(samples(), [1e-2], [[1.0, 0.0, 0.0, 0.0]])
    captured = [
        variable
        for function in step._steps.values()
        for concrete in function._list_all_concrete_functions_for_serialization()
        for variable in concrete.variables
    ]
    assert len(captured) > 2 * len(step.trained)
    assert {variable.dtype for variable in captured} == {tf.float32}


def given(step: FusedStep, drawn: Samples) -> list[str]:
    """Types of what the step that XLA compiles is given at each call; what it lacks is a constant of the program."""
    step._loop((True,) * len(step.terms), 0, 1, None)
    [function] = step._steps.values()
    rate, weights = tf.constant(1e-3), tf.constant([1.0] * len(step.terms))
    hlo = function.experimental_get_compiler_ir(drawn, rate, weights)(stage="hlo")
    entry = hlo[hlo.index("\nENTRY") :]
    return re.findall(r" (\w+\[[\d,]*\])\S* parameter\(\d+\)", entry)


def test_a_step_that_xla_compiles_is_one_program_for_all_batches() -> None:
    """A frame that is a constant of it means a compilation for each batch."""
    side, batch = 64, 3
    config = fused_config(
        network="fbnet-2",
        precision="float32",
        compile_step="yes",
        frozen=("pyramid.", "coarse.", "sixteenth.", "eighth.", "fusion."),
        coarser_scales=0,
        output_layers=("out",),
    )
    step = FusedStep(create_network("fbnet-2", "float32"), config)
    drawn = Samples(
        tf.zeros([batch, 3, side, side, 3], tf.uint8),
        tf.fill([batch], 0.5),
        tf.constant([0.2, 0.7]),
        tf.zeros([1, side, side, 5], tf.float16),
        tf.ones([1]),
    )
    found = given(step, drawn)
    for kind in (f"u8[{batch},3,{side},{side},3]", f"f32[{batch}]", f"f16[1,{side},{side},5]", "f32[1]"):
        assert kind in found


def test_so_it_is_wherever_the_perceptual_distance_looks() -> None:
    config = fused_config(compile_step="yes", perceptual_side=16)
    step = FusedStep(Small(), config, perceptual=lambda made, truth: tf.reduce_mean((made - truth) ** 2, [1, 2, 3]))
    assert "f32[2]" in given(step, samples(batch=3))


def test_a_square_and_its_gradient_are_those_of_a_slice() -> None:
    x = tf.constant(np.random.default_rng(3).random((3, 9, 11, 3), np.float32))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        [one, _] = perceptual.patches(x, x, 2, 4, tf.constant([0.99, 0.3]))
        other = x[-2:, 5:9, 2:6]
        sums = [tf.reduce_sum(made * made) for made in (one, other)]
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(*(tape.gradient(value, x) for value in sums))


def test_a_phase_has_one_program_and_says_when_it_is_made() -> None:
    """Also where a weight begins at nothing: else a program is made for that step alone, in the middle of a run."""
    step = made(fused_config(levels_weight=(0.0, 0.3), distil_weight=(0.0, 0.0)))
    assert step.active_at(0) == step.active_at(5) == (True, True, False, False)
    weights = [[1.0, 0.0, 0.0, 0.0]]
    told = [step(samples(), [1e-3], weights, active=step.active_at(0)) for _ in range(2)]
    told.append(step(samples(), [1e-3], weights))
    assert told == [True, False, True]
