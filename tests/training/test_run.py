"""A training run: what it tells TensorBoard, freezes, judges its weights by and halves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from frame_booster.cli.fbnet import main as fbnet
from frame_booster.errors import FrameBoosterError, InputError, ModelError
from frame_booster.training.data.dataset import DatasetOptions, build
from frame_booster.training.loop import tensorboard
from frame_booster.training.loop.run import TrainingRun
from frame_booster.training.loop.step import training_precision
from frame_booster.training.losses.reconstruction import LOSSES
from tests.conftest import make_video
from tests.training.runs import config, curve


def test_tensorboard_that_is_missing_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install tensorboard"):
        tensorboard.check_tensorboard()


def test_a_run_on_records_tells_tensorboard_what_it_does(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        make_video(videos / name, pts=range(12), size=(96, 80))
    build(videos, tmp_path / "data", DatasetOptions(short_side=64, validation=0.01), quiet=True)
    data = tmp_path / "data"
    run = TrainingRun(config(), tmp_path / "run", data / "train", data / "val", tmp_path / "cache")
    run.train(log_every=4, validate_every=4, tensorboard=True)
    told = [(record["step"], "val_psnr" in record) for record in curve(tmp_path / "run")]
    assert told == [(4, True), (6, True)], "the last step is measured wherever it falls"
    tags: set[str] = set()
    for file in (tmp_path / "run" / "tensorboard").glob("events*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            tags |= {value.tag for value in event.summary.value}
    assert {"loss", "choice", "rate", "samples_per_s", "validation/psnr", "validation/ssim"} <= tags
    assert sum("/flow " in tag for tag in tags) >= 2
    assert next(run.folder.glob("best.safetensors")).exists()


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_frozen_weights_stay_as_they_are_and_a_stopped_run_goes_on(
    material: Path, tmp_path: Path, optimizer: str
) -> None:
    settings = config(optimizer=optimizer, frozen=("encoder", "judgement", "selection.conv"))
    for steps in (2, 3):
        run = TrainingRun(settings, tmp_path / "run", material, material / "val", tmp_path / "cache")
        before = [variable.numpy() for variable in run.variables]
        while run.step < steps:
            run.train_on(run.sampler.batch(run.step))
        changed = {
            name
            for name, old, new in zip(run.names, before, run.variables, strict=True)
            if not np.array_equal(old, new.numpy())
        }
        assert {name.split(".")[0] for name in changed} == {"selection", "fusion"}
        assert not any(name.startswith("selection.conv") for name in changed)
        run.save_checkpoint()


def test_a_run_towards_even_motion_is_judged_by_it(material: Path, tmp_path: Path) -> None:
    runs = [
        TrainingRun(config(even=even), tmp_path / str(even), material, material / "val", tmp_path / "cache")
        for even in (False, True)
    ]
    losses = []
    for run in runs:
        figures = run.train_on(run.sampler.batch(0))
        losses.append(figures[0])
    assert losses[0] != losses[1], "the same batch, another truth"
    usual, even = (run.validate() for run in runs)
    assert set(even) == {*usual, "val_even_psnr"}
    assert (runs[0].best, runs[1].best) == (usual["val_psnr"], even["val_even_psnr"])


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Nothing is compiled, which would take longer than what is computed."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("eagerly")
def test_motion_of_a_step_is_looked_for_at_the_scale_that_is_drawn_for_it(material: Path, tmp_path: Path) -> None:
    phases = [
        replace(config().phases[0], steps=40, height=64, width=64, flow_downscale=h) for h in ((0,), (1,), (0, 1))
    ]
    runs = [
        TrainingRun(config(phases=(phase,)), tmp_path / str(k), material, material / "val", tmp_path / "cache")
        for k, phase in enumerate(phases)
    ]
    drawn = [runs[2].config.flow_downscale_at(step) for step in range(40)]
    assert {*drawn} == {0, 1}
    batch = runs[0].sampler.batch(0)
    full, halved, mixed = (run.train_on(batch)[0] for run in runs)
    assert full != halved
    np.testing.assert_allclose(mixed, halved if drawn[0] else full, rtol=1e-5)


@pytest.mark.parametrize(("frozen", "message"), [(("decoder",), "decoder"), (("",), "nothing to train")])
def test_what_cannot_be_frozen_is_refused(
    material: Path, tmp_path: Path, frozen: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        TrainingRun(config(frozen=frozen), tmp_path / "run", material, material / "val", tmp_path / "cache")


def test_precision_is_what_is_asked_for_or_what_the_hardware_multiplies(monkeypatch: pytest.MonkeyPatch) -> None:
    assert training_precision("float16", "auto") == "float16"
    for has, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr("frame_booster.training.loop.step.has_bfloat16", lambda has=has: has)
        assert training_precision("auto", "cpu") == expected


@pytest.mark.parametrize(
    ("capabilities", "device", "expected"),
    [
        ([(9, 0)], "auto", "bfloat16"),
        ([(7, 5)], "auto", "float32"),
        ([(8, 0), (7, 0)], "auto", "float32"),
        ([(8, 0), (7, 0)], "gpu", "bfloat16"),
        ([(7, 0), (8, 0)], "gpu:1", "bfloat16"),
        ([(8, 0), (7, 0), (9, 0)], "gpu:0,gpu:1", "float32"),
        ([None], "auto", "float32"),
    ],
)
def test_older_cards_train_in_float32(
    monkeypatch: pytest.MonkeyPatch, capabilities: list[tuple[int, int] | None], device: str, expected: str
) -> None:
    step = "frame_booster.training.loop.step."
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(step + "compute_capability", lambda device: capabilities[int(device[-1])])
    monkeypatch.setattr(step + "has_bfloat16", lambda: True)
    assert training_precision("auto", device) == expected
    assert training_precision("auto", "cpu") == "bfloat16"


def test_validation_has_its_own_steps(small: Callable[..., TrainingRun]) -> None:
    run = small("run")
    run.train(log_every=4, validate_every=3)
    told = [(record["step"], "val_psnr" in record) for record in curve(run.folder)]
    assert told == [(3, True), (4, False), (6, True)]


def test_what_is_not_a_number_is_never_the_best_figure(
    small: Callable[..., TrainingRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small("run")
    with monkeypatch.context() as patched:
        patched.setattr("frame_booster.training.evaluation.metrics.psnr", lambda made, truth: float("nan"))
        run.validate()
    assert run.best == 0.0
    assert not (run.folder / "best.safetensors").exists()
    figures = run.validate()
    assert run.best == figures["val_psnr"] > 0.0
    assert (run.folder / "best.safetensors").exists()
    run.best = float("nan")
    run.save_checkpoint()
    assert small("run").best == 0.0


def test_a_run_none_of_whose_steps_is_a_number_ends(
    small: Callable[..., TrainingRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOSSES, "nothing", lambda made, truth: tf.reduce_mean(made, [1, 2, 3]) / 0.0)
    for log_every, validate_every, last in ((2, 50, 2), (4, 1, 4), (50, 500, 6)):
        with pytest.raises(InputError, match=f"each of the last {last} steps"):
            small("run", loss={"nothing": 1.0}).train(log_every=log_every, validate_every=validate_every)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "adam"}, "unknown optimizer 'adam'"),
        ({"network": "fbnet-3"}, "unknown network 'fbnet-3'"),
        ({"loss": {"squares": 1.0}}, "unknown loss 'squares'"),
        ({"frozen": ("three",)}, "begin with 'three'"),
    ],
)
def test_names_that_are_not_known_are_refused_before_clips_are_decoded(
    small: Callable[..., TrainingRun], tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(FrameBoosterError, match=message):
        small("run", **changes)
    assert not (tmp_path / "cache").exists()


def test_steps_between_validations_are_one_or_more() -> None:
    done = CliRunner().invoke(fbnet, ["train", "a.toml", "--validate-every", "0"])
    assert done.exit_code == 2
    assert "0 is not in the range x>=1" in done.output
