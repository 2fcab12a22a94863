"""A teacher: a network whose optical flow is a label beside that of the batch, where it is the better one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.errors import InputError, ModelError
from frame_booster.network.layers import named_weights
from frame_booster.network.weights import save_weights
from frame_booster.training.data.sampling import Batch
from frame_booster.training.loop.checks import check_config
from frame_booster.training.loop.step import TrainStep, make_optimizer
from frame_booster.training.loop.teacher import load_teacher, taught_flow
from frame_booster.training.losses.reconstruction import LOSSES
from tests.training.runs import Small, config


def knows(flow: Any, *, any_timestep: bool = True) -> Any:
    """Returns a teacher that has the same flow (4,) everywhere, at half size."""

    class Teacher:
        def __init__(self) -> None:
            self.any_timestep = any_timestep

        def __call__(self, first: Any, second: Any, t: Any) -> Any:
            half = tf.zeros([first.shape[0], first.shape[1] // 2, first.shape[2] // 2, 4]) + tf.constant(flow) / 2.0
            return SimpleNamespace(flows=[(half[..., :2], half[..., 2:])], unclipped=(first + second) / 2.0)

    return Teacher()


def test_teachers_by_name_and_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Small, "network_name", "small", raising=False)
    assert load_teacher("", "float32") is load_teacher("stored", "float32") is None
    assert load_teacher("fbnet", "float32").network_name == "fbnet"
    with pytest.raises(InputError, match="no teacher 'rife'"):
        load_teacher("rife", "float32")
    save_weights(tmp_path / "small.safetensors", Small(), {})
    with pytest.raises(ModelError, match="'small', which does not exist"):
        load_teacher(str(tmp_path / "small.safetensors"), "float32")


def test_flow_is_brought_to_full_size_and_known_at_times_the_teacher_has() -> None:
    first = tf.random.uniform([2, 16, 24, 3])
    flow, frame, known = taught_flow(knows([1.0, 2.0, -1.0, -2.0]), first, first, tf.constant([0.5, 0.25]))
    np.testing.assert_allclose(flow, np.broadcast_to([1.0, 2.0, -1.0, -2.0], flow.shape))
    assert frame.shape == first.shape
    assert known.numpy().tolist() == [1, 1]
    middle_only = knows([0.0] * 4, any_timestep=False)
    assert taught_flow(middle_only, first, first, tf.constant([0.5, 0.25]))[2].numpy().tolist() == [1, 0]


class Still(Small):
    """A network that finds no motion, so that any flow that explains the truth teaches it."""

    def __call__(self, first: Any, second: Any, t: Any, **options: Any) -> Any:
        prediction = super().__call__(first, second, t)
        none = 0.0 * prediction.unclipped[..., :2]
        return prediction._replace(flows=[(none, none)])


def flow_loss(labels: Any, teacher: Any, t: float = 0.5) -> float:
    """Returns the flow supervision of a step on a texture that moves by 2 px to the right between frames."""
    wide = np.random.default_rng(1).integers(0, 255, (1, 32, 36, 3)).astype(np.uint8)
    frames = np.stack([wide[:, :, 4 - 2 * k : 36 - 2 * k] for k in range(3)], axis=1)
    settings = config(optimizer="muon")
    settings = replace(settings, phases=(replace(settings.phases[0], choice_weight=(0.0, 0.0)),))
    network = Still()
    variables = [variable for _, variable in named_weights(network)]
    optimizer = make_optimizer(settings)
    optimizer.build(variables)
    step = TrainStep(network, variables, optimizer, settings, tf.distribute.get_strategy(), teacher)
    labels = np.broadcast_to(np.float32(labels), (1, 32, 32, 4))
    return step(0, Batch(frames, np.full(1, t, np.float32), labels)).flow


def test_the_better_label_teaches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES, "charbonnier", lambda made, truth: tf.reduce_mean(tf.abs(made - truth), [1, 2, 3]))
    right, wrong = [0.0, 2.0, 0.0, -2.0], [0.0, 9.0, 5.0, 0.0]
    taught = flow_loss(right, None)
    assert taught > 1.0, "two px in each direction, where the frame has no edge"
    # What explains less than no motion teaches nothing, but here and there by chance.
    assert flow_loss(wrong, None) < 0.1 * taught
    assert flow_loss(wrong, knows(right)) == pytest.approx(taught, rel=0.1)
    assert flow_loss(right, knows(wrong)) == pytest.approx(taught, rel=0.1)
    middle_only = knows(right, any_timestep=False)
    assert flow_loss(wrong, middle_only, t=0.25) == pytest.approx(flow_loss(wrong, None, t=0.25))


def test_a_teacher_that_nothing_asks_is_refused() -> None:
    phase = replace(config().phases[0], flow_weight=(0.0, 0.0))
    with pytest.raises(InputError, match="no phase has flow_weight"):
        check_config(config(teacher="fbnet", phases=(phase,)))
    with pytest.raises(InputError, match="needs optimizer"):
        check_config(config(teacher="stored"))
    check_config(config(teacher="fbnet"))
