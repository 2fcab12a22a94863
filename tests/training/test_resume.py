"""A run that is stopped or killed goes on as if it had not been."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from frame_booster.errors import InputError, Interrupted, ModelError
from frame_booster.network.weights import read_metadata
from frame_booster.training.loop.run import TrainingRun
from frame_booster.training.publishing.publish import publish
from tests.training.runs import ROOT, config, curve, without_later_keys


def stopped_at(run: TrainingRun, step: int, number: int) -> None:
    """Trains a run that gets a signal in the last of so many steps."""
    train_on = run.train_on

    def counted(batch: Any) -> Any:
        if run.step + 1 == step:
            signal.raise_signal(number)
        return train_on(batch)

    run.train_on = counted  # type: ignore[method-assign]
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted, match=f"stopped after step {step}; the same command continues"):
        run.train(log_every=1, validate_every=6)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def assert_same(one: Path, other: Path) -> None:
    """Two checkpoints are the same to the bit."""
    tensors, others = load_file(one), load_file(other)
    assert tensors.keys() == others.keys()
    for name, array in tensors.items():
        np.testing.assert_array_equal(others[name], array, err_msg=name)


@pytest.mark.parametrize("optimizer", ["nadam", "adamw", "muon"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_goes_on_exactly(small: Callable[..., TrainingRun], optimizer: str, number: int) -> None:
    whole = small("whole", optimizer=optimizer)
    whole.train(log_every=1, validate_every=6)
    stopped_at(small("stopped", optimizer=optimizer), 3, number)
    again = small("stopped", optimizer=optimizer)
    assert again.step == 3
    again.train(log_every=1, validate_every=6)
    assert_same(whole.checkpoint, again.checkpoint)
    assert [record["step"] for record in curve(again.folder)] == [1, 2, 3, 4, 5, 6]
    for key in ("loss", "flow", "rate"):
        assert [r[key] for r in curve(again.folder)] == [r[key] for r in curve(whole.folder)]


def test_hours_in_which_nothing_is_done_do_not_count(
    small: Callable[..., TrainingRun], material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, clock = [0.0], time.monotonic
    monkeypatch.setattr("frame_booster.training.loop.run.time.monotonic", lambda: clock() + asleep[0])
    run = small("asleep")
    train_on = run.train_on

    def slept(batch: Any) -> Any:
        asleep[0] += 3600.0
        return train_on(batch)

    run.train_on = slept  # type: ignore[method-assign]
    run.train(log_every=1, validate_every=6)
    assert run.hours < 1.0


def test_best_weights_are_published_with_what_they_cost(material: Path, tmp_path: Path) -> None:
    run = TrainingRun(config(), tmp_path / "run", material, material / "val", tmp_path / "cache")
    run.train(log_every=6)
    written = tmp_path / "out.safetensors"
    given = {"training_data": "a test", "licence": "MIT"}
    facts = publish(tmp_path / "run" / "best.safetensors", written, material / "val", given)
    assert facts == read_metadata(written)
    assert (facts["steps"], facts["samples"], facts["training_data"]) == ("6", "12", "a test")


@pytest.mark.parametrize("optimizer", ["nadam", "adamw"])
def test_a_checkpoint_of_an_earlier_version_is_gone_on_from(small: Callable[..., TrainingRun], optimizer: str) -> None:
    run = small("run", optimizer=optimizer)
    stopped_at(run, 3, signal.SIGINT)
    weights = [variable.numpy() for variable in run.variables]
    without_later_keys(run.checkpoint)
    again = small("run", optimizer=optimizer)
    assert again.step == 3
    for variable, array in zip(again.variables, weights, strict=True):
        np.testing.assert_array_equal(variable.numpy(), array)
    if optimizer == "nadam":
        momenta = [0.9 * (1 - 0.5 * 0.96**step) for step in (1, 2, 3)]
        assert float(again.optimizer._u_product.numpy()) == pytest.approx(np.prod(momenta))
    again.train(log_every=1, validate_every=6)
    assert again.step == 6


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(small: Callable[..., TrainingRun]) -> None:
    run = small("run", optimizer="adamw")
    stopped_at(run, 2, signal.SIGTERM)
    with pytest.raises(InputError, match="has the optimizer 'adamw', not 'muon'"):
        small("run", optimizer="muon")
    with pytest.raises(InputError, match="has the network 'fbnet-r', not 'fbnet-2'"):
        small("run", optimizer="adamw", network="fbnet-2")
    with pytest.raises(InputError, match=r"does not fit .*frozen"):
        small("run", optimizer="adamw", frozen=("one",))
    assert small("run", optimizer="adamw", seed=5, loss={"census": 1.0}).step == 2, "what may be edited"
    whole = run.checkpoint.read_bytes()
    without_later_keys(run.checkpoint)
    with pytest.raises(InputError, match="does not fit"):
        small("run", optimizer="muon")
    for damaged in (whole[:-100], whole[:20], b""):
        run.checkpoint.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"checkpoint is damaged.*move it away"):
            small("run", optimizer="adamw")


KILLED = """
import sys
from pathlib import Path
from frame_booster.training.loop.run import TrainingRun
from tests.training.runs import simple_config
material, folder, cache = map(Path, sys.argv[1:])
run = TrainingRun(simple_config(network="fbnet"), folder, material, material / "val", cache)
run.train(log_every=1, validate_every=6, save_every_s=0.0)
"""


def test_a_killed_run_goes_on_as_one_left_alone(material: Path, tmp_path: Path) -> None:
    def command(name: str) -> list[str]:
        return [sys.executable, "-c", KILLED, str(material), str(tmp_path / name), str(tmp_path / "cache")]

    with subprocess.Popen(command("killed"), stderr=subprocess.PIPE, text=True, cwd=ROOT) as victim:
        assert victim.stderr is not None
        for line in victim.stderr:
            if line.startswith("step 3"):
                victim.kill()
                break
    assert victim.returncode == -signal.SIGKILL
    assert len(curve(tmp_path / "killed")) < 6
    for name in ("killed", "whole"):
        subprocess.run(command(name), cwd=ROOT, check=True, capture_output=True, timeout=300)
    assert_same(tmp_path / "whole" / "checkpoint.safetensors", tmp_path / "killed" / "checkpoint.safetensors")
    # What was done after the last checkpoint is done again, and stands in the curve twice.
    assert {record["step"] for record in curve(tmp_path / "killed")} == {1, 2, 3, 4, 5, 6}
