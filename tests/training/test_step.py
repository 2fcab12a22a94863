"""A step of training: shared by devices, skipped where it is not a number, at a rate that warms up and falls."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.compiling import is_refined
from frame_booster.network.layers import Convolution, named_weights
from frame_booster.network.prediction import Prediction
from frame_booster.training.data.sampling import Batch
from frame_booster.training.loop.step import StepFigures, TrainStep, learning_rate, make_optimizer
from frame_booster.training.losses.reconstruction import LOSSES
from tests.training.runs import ROOT, Small, config

SHARED_BATCH = """
import json
import numpy as np, tensorflow as tf
[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(2)])
from frame_booster.errors import InputError
from frame_booster.network.layers import named_weights
from frame_booster.training.data.sampling import Batch
from frame_booster.training.losses.reconstruction import LOSSES
from frame_booster.training.loop.step import TrainStep, make_optimizer, strategy_of
from tests.training.runs import Small, config

curves = {}
for optimizer in ("muon", "adamw", "nadam"):
    for devices in ("cpu", "cpu:0,cpu:1"):
        tf.keras.utils.set_random_seed(1)
        strategy, rng, settings = strategy_of(devices), np.random.default_rng(1), config(optimizer=optimizer)
        settings.phases[0].__dict__["choice_weight"] = (0.0, 0.0)
        with strategy.scope():
            network = Small()
            variables = [variable for _, variable in named_weights(network)]
            made = make_optimizer(settings)
            made.build(variables)
        try:
            step = TrainStep(network, variables, made, settings, strategy)
        except InputError as error:
            curves[optimizer + devices] = str(error)
            continue
        frames = rng.integers(0, 255, (6, 4, 3, 32, 32, 3)).astype(np.uint8)
        flows = rng.normal(size=(4, 32, 32, 4)).astype(np.float32)
        batches = [Batch(frames[k], np.full(4, 0.5, np.float32), flows) for k in range(6)]
        curves[optimizer + devices] = [[float(value) for value in step(k, batch)] for k, batch in enumerate(batches)]
print(json.dumps(curves))
"""


def test_two_devices_share_a_batch_and_learn_what_one_does() -> None:
    command = [sys.executable, "-c", SHARED_BATCH]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=300)
    curves = json.loads(done.stdout.splitlines()[-1])
    for optimizer in ("muon", "adamw"):
        one, two = (np.array(curves[optimizer + devices]) for devices in ("cpu", "cpu:0,cpu:1"))
        assert one[-1, 0] < one[0, 0], "it learns"
        np.testing.assert_allclose(two, one, rtol=1e-3)
    assert "one device only" in curves["nadamcpu:0,cpu:1"]


def test_learning_rate_warms_up_and_falls() -> None:
    rates = [learning_rate(config(), step) for step in range(6)]
    assert rates[0] < rates[1]
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(1e-4)


def test_figures_of_several_steps_are_averaged() -> None:
    steps = [StepFigures(*np.float32([k, 2 * k, 0, 1, 20 + k, k % 2])) for k in range(4)]
    assert StepFigures.mean(steps) == StepFigures(loss=1.5, flow=3.0, choice=0.0, matching=1.0, psnr=21.5, finite=0.5)


def test_a_network_is_trained_without_what_it_does_where_it_runs() -> None:
    seen: list[bool] = []

    class Asked(Small):
        def call(self, first: Any, second: Any, t: Any = None) -> Prediction:
            seen.append(is_refined())
            return super().call(first, second, t)

    network = Asked()
    variables = [variable for _, variable in named_weights(network)]
    phase = replace(config().phases[0], choice_weight=(0.0, 0.0))
    settings = config(phases=(phase,))
    optimizer = make_optimizer(settings)
    optimizer.build(variables)
    step = TrainStep(network, variables, optimizer, settings, tf.distribute.get_strategy())
    frames = np.random.default_rng(1).integers(0, 255, (2, 3, 32, 32, 3)).astype(np.uint8)
    step(0, Batch(frames, np.full(2, 0.5, np.float32), np.zeros((2, 32, 32, 4), np.float32)))
    assert seen
    assert not any(seen)
    assert is_refined()


@pytest.mark.parametrize("optimizer", ["nadam", "adamw", "muon"])
def test_weights_that_the_loss_does_not_depend_on_stay_as_they_are(optimizer: str) -> None:
    network = Small()
    unused = Convolution(3, 3, name="unused")
    variables = [variable for _, variable in named_weights(network)] + [unused.kernel]
    phase = replace(config().phases[0], choice_weight=(0.0, 0.0))
    settings = config(phases=(phase,), optimizer=optimizer)
    made = make_optimizer(settings)
    made.build(variables)
    step = TrainStep(network, variables, made, settings, tf.distribute.get_strategy())
    frames = np.random.default_rng(1).integers(0, 255, (2, 3, 32, 32, 3)).astype(np.uint8)
    before = [variable.numpy() for variable in variables]
    assert step(0, Batch(frames, np.full(2, 0.5, np.float32), np.zeros((2, 32, 32, 4), np.float32))).finite
    changed = [not np.array_equal(old, new.numpy()) for old, new in zip(before, variables, strict=True)]
    assert changed[0]
    assert not changed[-1]


def test_a_step_whose_gradient_is_not_a_number_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES, "relative", lambda made, truth: tf.reduce_mean(made, [1, 2, 3]) / tf.reduce_mean(truth))
    phase = replace(config().phases[0], choice_weight=(0.0, 0.0))
    settings = config(optimizer="adamw", loss={"relative": 1.0}, phases=(phase,))
    network = Small()
    variables = [variable for _, variable in named_weights(network)]
    optimizer = make_optimizer(settings)
    optimizer.build(variables)
    step = TrainStep(network, variables, optimizer, settings, tf.distribute.get_strategy())
    frames = np.random.default_rng(1).integers(1, 255, (2, 3, 32, 32, 3)).astype(np.uint8)
    labels = np.zeros((2, 32, 32, 4), np.float32)
    black = frames.copy()
    black[:, 1] = 0
    for shown, finite in ((black, 0.0), (frames, 1.0)):
        before = [variable.numpy() for variable in variables]
        assert step(0, Batch(shown, np.full(2, 0.5, np.float32), labels)).finite == finite
        changed = [not np.array_equal(old, new.numpy()) for old, new in zip(before, variables, strict=True)]
        assert any(changed) == bool(finite)
