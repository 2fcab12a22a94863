"""What the command says of a run, and with which code it ends: of one input, of several, and where they fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from frame_booster.cli.boost import boost
from frame_booster.errors import DecodeError, InputError
from frame_booster.pipeline import boost as whole
from frame_booster.pipeline.folder import FolderRun
from tests.conftest import MeanModel, make_video


@pytest.fixture(autouse=True)
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(whole, "load_network", lambda *_, **__: MeanModel())
    monkeypatch.setattr("frame_booster.cli.errors.take_signals", lambda: None)
    monkeypatch.setattr("frame_booster.cli.errors._silence_libraries", lambda: None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(boost, list(arguments))


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "frame-booster").mkdir()
    (tmp_path / "frame-booster" / "config.toml").write_text('[raw]\noutput-format = "yuv4mpegpipe"\n')
    return "raw"


def test_of_one_input_its_warnings_and_the_profile_are_told(profile: str) -> None:
    """Its audio is left out; once for people, and in what programs read."""
    make_video(Path("in.mkv"), pts=range(3), tones=1)
    done = run("in.mkv", "-o", "out.y4m", "--profile", profile, "--json", "--verbose")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert (facts["profile"], facts["output"], facts["frames_out"]) == ("raw", "out.y4m", 6)
    [warning] = facts["warnings"]
    first, second, *_, last = done.stderr.splitlines()
    assert first == f"frame-booster: warning: {warning}"
    assert second.startswith("out.y4m: 6 frames at 50 fps from 3 in ")
    assert last == "  profile raw"
    quiet = run("in.mkv", "-o", "out.y4m", "--profile", profile, "--quiet", "-y", "--verbose")
    assert (quiet.exit_code, quiet.output) == (0, "")


def test_a_report_tells_of_the_one_input_that_failed() -> None:
    Path("in.mp4").write_text("no video")
    for name in ("report.json", "report.jsonl"):
        done = run("in.mp4", "--report", name)
        assert done.exit_code == InputError.exit_code
    facts = json.loads(Path("report.json").read_text())
    assert (facts["failed"], facts["files"][0]["outcome"]) == (1, "failed")
    [line] = Path("report.jsonl").read_text().splitlines()
    assert "cannot be opened" in json.loads(line)["error"]


def test_of_several_that_failed_the_first_has_the_code() -> None:
    long = make_video(Path("long.mkv"), pts=range(100), codec="ffv1", size=(128, 96)).read_bytes()
    Path("cut.mkv").write_bytes(long[: len(long) // 3])
    Path("text.mp4").write_text("no video")
    for order, code in (
        (("cut.mkv", "text.mp4"), DecodeError.exit_code),
        (("text.mp4", "cut.mkv"), InputError.exit_code),
    ):
        done = run(*order, "-o", f"{order[0]}.out/", "-q")
        assert (done.exit_code, done.output) == (code, "")


def test_of_several_inputs_a_lack_of_space_is_told_first(monkeypatch: pytest.MonkeyPatch) -> None:
    make_video(Path("in.mkv"), pts=range(2))
    monkeypatch.setattr(FolderRun, "space_warning", lambda _: "the disk may be too small")
    done = run("in.mkv", "-o", "out/", "--skip-existing")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[0] == "frame-booster: warning: the disk may be too small"
