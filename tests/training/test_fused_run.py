"""A run whose steps are one graph: stopped it goes on exactly, it can go by the clock, and it is what the file says."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.errors import InputError, ModelError
from frame_booster.network.weights import read_metadata
from frame_booster.training.config import Windows
from frame_booster.training.loop import fused_run
from frame_booster.training.loop.feeding import Feed
from frame_booster.training.loop.fused_run import FusedRun, open_run, training_device
from frame_booster.training.loop.run import TrainingRun
from frame_booster.training.losses.reconstruction import LOSSES
from tests.training.runs import Small, curve, fused_config, without_later_keys


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Small, "network_name", "small", raising=False)
    monkeypatch.setattr("frame_booster.training.loop.run_state.create_network", lambda name, precision: Small())
    monkeypatch.setitem(LOSSES, "squared", lambda made, truth: tf.reduce_mean(tf.square(made - truth), [1, 2, 3]))


def opened(material: Path, folder: Path, **changes: Any) -> FusedRun:
    run = open_run(fused_config(**changes), folder, [material], material / "val", folder.parent / "cache")
    assert isinstance(run, FusedRun)
    return run


@pytest.mark.parametrize(("sampler", "batches"), [("crops", 1), ("windows", 1), ("windows", 2)])
def test_a_stopped_run_goes_on_exactly(material: Path, tmp_path: Path, sampler: str, batches: int) -> None:
    changes: dict[str, Any] = {"sampler": sampler, "batches_per_update": batches}
    whole = opened(material, tmp_path / "whole", **changes)
    whole.train(log_every=2, validate_every=6)
    assert [record["step"] for record in curve(tmp_path / "whole")] == [2, 4, 6]
    parts = opened(material, tmp_path / "parts", **changes)
    # Between two updates, where one is of two batches.
    while parts.step < 3:
        parts.take()
    parts.save_checkpoint()
    again = opened(material, tmp_path / "parts", **changes)
    assert (again.step, again.samples) == (3, 6)
    again.train(log_every=2, validate_every=6)
    for one, other in zip(whole._averages(), again._averages(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(whole.variables, again.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    last, same = curve(tmp_path / "whole")[-1], curve(tmp_path / "parts")[-1]
    for name in ("loss", "psnr", "rate", "val_psnr", "val_ssim"):
        assert last[name] == same[name], name
    assert read_metadata(tmp_path / "parts" / "best.safetensors")["samples"] == "12"
    assert read_metadata(tmp_path / "parts" / "last.safetensors")["steps"] == "6"


def test_a_checkpoint_without_gradients_that_are_held_is_gone_on_from(material: Path, tmp_path: Path) -> None:
    run = opened(material, tmp_path / "run", batches_per_update=2)
    run.take()
    run.save_checkpoint()
    without_later_keys(run.checkpoint)
    again = opened(material, tmp_path / "run", batches_per_update=2)
    assert again.step == 1
    assert not any(np.any(held.numpy()) for held in again.fused.held.values())
    again.take()


def test_another_kind_of_run_does_not_take_the_checkpoint(material: Path, tmp_path: Path) -> None:
    run = opened(material, tmp_path / "run")
    run.take()
    run.save_checkpoint()
    with pytest.raises(InputError, match=r"does not fit .*output_layers"):
        opened(material, tmp_path / "run", output_layers=("one", "two"))
    # What is edited to make a run longer or other is taken.
    again = opened(material, tmp_path / "run", seed=2, steps=9, learning_rate=(1e-3, 1e-3), batches_per_update=2)
    assert again.step == 1


def test_output_layers_that_the_network_has_not_are_refused_before_clips_are_decoded(
    material: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"no layer 'last' \(its layers: one, two\)"):
        opened(material, tmp_path / "run", output_layers=("last",))
    assert not (tmp_path / "cache").exists()


def test_validation_has_its_own_steps(material: Path, tmp_path: Path) -> None:
    opened(material, tmp_path / "run").train(log_every=4, validate_every=3)
    told = [(record["step"], "val_psnr" in record) for record in curve(tmp_path / "run")]
    assert told == [(3, True), (4, False), (6, True)]


def test_several_steps_a_call_learn_from_frames_on_the_device(material: Path, tmp_path: Path) -> None:
    windows = Windows(usual_side=32, large=0.0)
    run = opened(material, tmp_path / "run", sampler="windows", windows=windows, steps_per_call=4)
    run.feed = Feed(run.store, run.config, run.device, resident=True)
    psnr = []
    while not run.ended:
        run.take()
        psnr.append(run.fused.figures()["psnr"])
    assert (run.step, run.samples) == (6, 12), "the last call has what is left"
    assert len(psnr) == 2
    assert min(psnr) > 5.0


def test_motion_is_looked_for_at_the_scale_that_is_drawn(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(material, tmp_path / "run", steps=8, flow_downscale=(0, 1))
    scales: list[int] = []
    call = Small.call

    def scaled(self: Small, first: Any, second: Any, t: Any = None, flow_downscale: int = 0) -> Any:
        scales.append(flow_downscale)
        return call(self, first, second, t)

    monkeypatch.setattr(Small, "call", scaled)
    given: list[int] = []
    fused = run.fused.__class__.__call__
    monkeypatch.setattr(
        run.fused.__class__, "__call__", lambda self, *a, **k: (given.append(a[-1]), fused(self, *a, **k))[1]
    )
    while not run.ended:
        run.take()
    assert given == [run.config.flow_downscale_at(step) for step in range(8)]
    # Each scale is a graph of its own, traced once.
    assert sorted(set(given)) == sorted(scales) == [0, 1]


def test_a_run_by_the_clock_ends_when_its_minutes_are_over(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(material, tmp_path / "run", minutes=1.0)
    past, clock = [0.0], time.monotonic
    monkeypatch.setattr(fused_run.time, "monotonic", lambda: clock() + past[0])
    take, places = run.take, []

    def slow() -> int:
        places.append(run.place(run.step))
        past[0] += 9.0
        return take()

    monkeypatch.setattr(run, "take", slow)
    run.train(log_every=100, validate_every=100)
    assert len(places) == 8, "the first, which compiles, does not count, and seven of 9 s are a minute"
    assert places[0] == 0
    assert places == sorted(places)
    assert places[-1] == 5
    assert len(curve(tmp_path / "run")) == 1


def test_what_is_drawn_ahead_is_taken_though_the_clock_has_gone_on(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(material, tmp_path / "run", minutes=1.0)
    drawn: list[tuple[int, int]] = []
    draw = run.feed.sampler.batch

    def noted(step: int, at: int | None = None) -> Any:
        assert at is not None
        drawn.append((step, at))
        return draw(step, at)

    monkeypatch.setattr(run.feed.sampler, "batch", noted)
    for _ in range(4):
        run.take()
        run.spent_s += 11.0
    run.feed.close()
    assert drawn == [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3)], "each once, for the place when it was begun"


def test_a_run_none_of_whose_steps_is_a_number_ends(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOSSES, "squared", lambda made, truth: tf.reduce_mean(made, [1, 2, 3]) / 0.0)
    with pytest.raises(InputError, match="each of the last 2 steps"):
        opened(material, tmp_path / "run").train(log_every=2)


def test_other_optimizers_have_the_other_run(material: Path, tmp_path: Path) -> None:
    run = open_run(fused_config(optimizer="muon"), tmp_path / "run", material, material / "val", tmp_path / "cache")
    assert type(run) is TrainingRun


def test_it_trains_on_one_device() -> None:
    assert training_device("auto").startswith("/")
    with pytest.raises(InputError, match="one device"):
        training_device("cpu:0,cpu:1")


def test_a_batch_that_does_not_fit_is_told_with_what_to_do(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(material, tmp_path / "run")

    def short(*given: Any, **more: Any) -> bool:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[96,256,256,24]")

    monkeypatch.setattr(run, "fused", Short(run.fused, short))
    with pytest.raises(ModelError, match=r"too little memory for a batch of 2 at 32x32.*batches_per_update"):
        run.take()


class Short:
    """A step that does not fit."""

    def __init__(self, step: Any, call: Any) -> None:
        self.weights_at, self.active_at, self._call = step.weights_at, step.active_at, call

    def __call__(self, *given: Any, **more: Any) -> bool:
        return bool(self._call(*given, **more))
