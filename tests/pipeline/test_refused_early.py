"""What can be refused without a network is refused before one is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from frame_booster.errors import EncodeError, FrameBoosterError, InputError, ModelError, OutputError
from frame_booster.pipeline import boost as boosting
from frame_booster.pipeline import folder as folders
from frame_booster.pipeline.boost import boost
from tests.conftest import make_video

NOT_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is permitted to root, or no one"
)


@pytest.fixture(autouse=True)
def nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: object, _work: Any = None) -> None:
        raise AssertionError("a model is loaded")

    monkeypatch.setattr(boosting, "load", load)
    monkeypatch.setattr(folders, "load", load)


def test_the_material_would_be_loaded_for(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="a model is loaded"):
        boost(make_video(tmp_path / "in.mp4", pts=range(2)), tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize(
    ("output", "options", "error"),
    [
        ("missing/out.mp4", {}, OutputError),
        ("in.mp4", {}, InputError),
        ("out.webm", {"input_strict": True}, EncodeError),
        ("out.mp4", {"codec": "libnothing"}, EncodeError),
        ("out.flv", {"codec": "ffv1"}, EncodeError),
        ("out.mp4", {"options": (("nothing", "1"),)}, EncodeError),
        ("out.mp4", {"container_options": (("nothing", "1"),)}, EncodeError),
        ("out.mp4", {"resume": True, "codec": "libnothing"}, EncodeError),
        ("out.mp4", {"resume": True, "weights": "nothing.safetensors"}, ModelError),
        ("out.mp4", {"slow_motion": 2}, EncodeError),
        ("missing/frames/", {"output_format": "png"}, OutputError),
        ("file.txt/", {}, OutputError),
        ("taken/", {"output_format": "png"}, InputError),
    ],
)
def test_what_an_output_refuses(
    tmp_path: Path, output: str, options: dict[str, Any], error: type[FrameBoosterError]
) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(2), tones=1)
    (tmp_path / "file.txt").write_text("of the user's")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "000001.png").touch()
    with pytest.raises(error):
        boost(source, f"{tmp_path}/{output}", **options)
    left = {path.name for path in tmp_path.iterdir() if not path.name.endswith(".segments")}
    assert left == {"in.mp4", "file.txt", "taken"}


def test_a_folder_of_results_that_cannot_be_made(tmp_path: Path) -> None:
    source = tmp_path / "videos"
    source.mkdir()
    make_video(source / "in.mp4", pts=range(2))
    (tmp_path / "file.txt").write_text("of the user's")
    run = folders.FolderRun(source, tmp_path / "file.txt" / "out", boosting.BoostOptions(), folders.FolderOptions())
    [outcome] = run.run()
    assert (outcome.outcome, outcome.exit_code) == ("failed", OutputError.exit_code)


@pytest.mark.parametrize("report", ["missing/report.json", "in.mp4", "out.mp4"])
def test_a_report_that_cannot_be_written(tmp_path: Path, report: str) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(2))
    before = source.read_bytes()
    done = told(source, "-o", tmp_path / "out.mp4", "--report", tmp_path / report)
    assert done.returncode == InputError.exit_code
    assert "the report" in done.stderr
    assert done.stderr.count("\n") == 1
    assert source.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@NOT_ROOT
def test_a_report_in_a_folder_that_is_closed(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(2))
    (tmp_path / "closed").mkdir(mode=0o500)
    done = told(source, "--report", tmp_path / "closed" / "report.json")
    assert done.returncode == InputError.exit_code
    assert "permission denied" in done.stderr


def told(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs the command; by its own process, whose signals and standard error it takes over."""
    command = [sys.executable, "-m", "frame_booster", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
