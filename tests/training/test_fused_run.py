"""A run whose steps are one graph: stopped it goes on exactly, it can go by the clock, and it is what the file says."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.errors import InputError, ModelError
from frame_booster.network.weights import read_metadata, save_weights
from frame_booster.training.config import Windows
from frame_booster.training.loop import fused_run
from frame_booster.training.loop.feeding import Feed
from frame_booster.training.loop.fused_run import FusedRun, load_teacher, open_run, training_device
from frame_booster.training.loop.run import TrainingRun
from frame_booster.training.losses.reconstruction import LOSSES
from tests.training.runs import Small, curve, fused_config


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Small, "network_name", "small", raising=False)
    monkeypatch.setattr("frame_booster.training.loop.run.create_network", lambda name, precision: Small())
    monkeypatch.setitem(LOSSES, "squared", lambda made, truth: tf.reduce_mean(tf.square(made - truth), [1, 2, 3]))


def opened(material: Path, folder: Path, **changes: Any) -> FusedRun:
    run = open_run(fused_config(**changes), folder, [material], material / "val", folder.parent / "cache")
    assert isinstance(run, FusedRun)
    return run


@pytest.mark.parametrize("sampler", ["crops", "windows"])
def test_a_stopped_run_goes_on_exactly(material: Path, tmp_path: Path, sampler: str) -> None:
    whole = opened(material, tmp_path / "whole", sampler=sampler)
    whole.train(log_every=2, validate_every=6)
    assert [record["step"] for record in curve(tmp_path / "whole")] == [2, 4, 6]
    parts = opened(material, tmp_path / "parts", sampler=sampler)
    while parts.step < 4:
        parts.take()
    parts.save_checkpoint()
    again = opened(material, tmp_path / "parts", sampler=sampler)
    assert (again.step, again.samples) == (4, 8)
    again.train(log_every=2, validate_every=6)
    for one, other in zip(whole._averages(), again._averages(), strict=True):
        np.testing.assert_array_equal(one, other)
    last, same = curve(tmp_path / "whole")[-1], curve(tmp_path / "parts")[-1]
    for name in ("loss", "psnr", "rate", "val_psnr", "val_ssim"):
        assert last[name] == same[name], name
    assert read_metadata(tmp_path / "parts" / "best.safetensors")["samples"] == "12"
    assert read_metadata(tmp_path / "parts" / "last.safetensors")["steps"] == "6"


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
    monkeypatch.setattr(run.fused.__class__, "__call__", lambda self, *a: (given.append(a[-1]), fused(self, *a)))
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


def test_a_run_none_of_whose_steps_is_a_number_ends(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOSSES, "squared", lambda made, truth: tf.reduce_mean(made, [1, 2, 3]) / 0.0)
    with pytest.raises(InputError, match="none of the last 2 steps"):
        opened(material, tmp_path / "run").train(log_every=2)


def test_other_optimizers_have_the_other_run(material: Path, tmp_path: Path) -> None:
    run = open_run(fused_config(optimizer="muon"), tmp_path / "run", material, material / "val", tmp_path / "cache")
    assert type(run) is TrainingRun


def test_teachers_and_devices(tmp_path: Path) -> None:
    assert load_teacher("", "float32") is load_teacher("stored", "float32") is None
    assert load_teacher("fbnet", "float32").network_name == "fbnet"
    with pytest.raises(InputError, match="no teacher 'rife'"):
        load_teacher("rife", "float32")
    save_weights(tmp_path / "small.safetensors", Small(), {})
    with pytest.raises(ModelError, match="'small', which there is not"):
        load_teacher(str(tmp_path / "small.safetensors"), "float32")
    assert training_device("auto").startswith("/")
    with pytest.raises(InputError, match="one device"):
        training_device("cpu:0,cpu:1")
