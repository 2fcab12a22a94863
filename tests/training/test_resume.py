"""A run that is stopped or killed goes on as if it had not been."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frame_booster.network.weights import read_metadata
from frame_booster.training.loop.run import TrainingRun
from frame_booster.training.publishing.publish import publish
from tests.training.runs import ROOT, config, curve


@pytest.fixture(scope="module")
def left_alone(material: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    """The curve of six steps that nothing disturbed."""
    folder = tmp_path_factory.mktemp("left_alone")
    run = TrainingRun(config(), folder / "run", material, material / "val", folder / "cache")
    run.train(log_every=1, validate_every=6)
    return curve(folder / "run")


def test_a_stopped_run_goes_on_exactly(
    material: Path, tmp_path: Path, left_alone: list[dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, clock = [0.0], time.monotonic
    monkeypatch.setattr("frame_booster.training.loop.run.time.monotonic", lambda: clock() + asleep[0])

    def run(name: str, stop_after: int | None = None) -> TrainingRun:
        training = TrainingRun(config(), tmp_path / name, material, material / "val", tmp_path / "cache")
        if stop_after is not None:
            train_on = training.train_on

            def counted(batch: Any) -> Any:
                training.stopping = training.step + 1 >= stop_after
                asleep[0] += 3600.0
                return train_on(batch)

            training.train_on = counted  # type: ignore[method-assign]
        training.train(log_every=1, validate_every=6)
        return training

    assert run("stopped", stop_after=3).step == 3
    again = run("stopped")
    assert again.step == 6
    assert again.hours < 1.0, "three hours in which nothing was done do not count"
    whole, stopped = left_alone, curve(tmp_path / "stopped")
    assert [record["step"] for record in stopped] == [1, 2, 3, 4, 5, 6]
    for key in ("loss", "flow", "rate"):
        np.testing.assert_allclose([r[key] for r in stopped], [r[key] for r in whole], rtol=2e-3, atol=2e-4)
    facts = publish(
        tmp_path / "stopped" / "best.safetensors",
        tmp_path / "out.safetensors",
        material / "val",
        {"training_data": "a test", "licence": "MIT"},
    )
    assert facts == read_metadata(tmp_path / "out.safetensors")
    assert (facts["steps"], facts["samples"], facts["training_data"]) == ("6", "12", "a test")


KILLED = """
import sys
from pathlib import Path
from frame_booster.training.loop.run import TrainingRun
from tests.training.runs import config
material, folder, cache = map(Path, sys.argv[1:])
TrainingRun(config(), folder, material, material / "val", cache).train(log_every=1, validate_every=6, save_every_s=0.0)
"""


def test_a_killed_run_goes_on_as_one_left_alone(
    material: Path, tmp_path: Path, left_alone: list[dict[str, float]]
) -> None:
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
    subprocess.run(command("killed"), cwd=ROOT, check=True, capture_output=True, timeout=300)
    whole = {record["step"]: record for record in left_alone}
    # What was done after the last checkpoint is done again, and stands in the curve twice.
    killed = {record["step"]: record for record in curve(tmp_path / "killed")}
    assert sorted(killed) == sorted(whole) == [1, 2, 3, 4, 5, 6]
    for key in ("loss", "flow", "rate"):
        np.testing.assert_allclose(
            [killed[k][key] for k in whole], [whole[k][key] for k in whole], rtol=2e-3, atol=2e-4
        )
