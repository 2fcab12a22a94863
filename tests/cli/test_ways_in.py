"""The installed command: several inputs, a folder for results, a look ahead, and going on where a run was killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from frame_booster.cli.boost import boost
from tests.conftest import boosted, decoded, make_video
from tests.stand_in import ROOT, STAND_IN

LOOK = (sys.executable, "-m", "frame_booster")
"""The command itself, where it needs no network."""


def called(folder: Path, *arguments: object, program: Sequence[str] = STAND_IN) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FRAME_BOOSTER_CACHE": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
    command = [*program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=folder, env=environment)


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Three videos, of which one has a list, one is named itself, and one is broken."""
    make_video(tmp_path / "a.mp4", pts=range(12), tones=1)
    make_video(tmp_path / "b.mkv", pts=range(6))
    (tmp_path / "c.mp4").write_bytes(b"no video")
    (tmp_path / "list.txt").write_text("# tonight\nb.mkv\n'c.mp4'\n")
    return tmp_path


def test_a_night_is_looked_at_first_killed_and_gone_on_with(night: Path) -> None:
    arguments = ["@list.txt", "a.m*4", "-o", "out/"]
    before = {path.name for path in night.iterdir()}
    planned = called(night, *arguments, "--dry-run", "--json", "--suffix", ".webm", program=LOOK)
    assert planned.returncode == 2, planned.stderr
    facts = {entry["input"]: entry for entry in json.loads(planned.stdout)}
    assert {name: entry["outcome"] for name, entry in facts.items()} == {
        "b.mkv": "planned",
        "c.mp4": "refused",
        "a.mp4": "planned",
    }
    a = facts["a.mp4"]
    assert (a["frames_in"], a["frames_out"], a["rate"], a["duration"]) == (12, 24, "50", "12/25")
    assert a["codec"] == "libvpx-vp9"
    assert [stream["becomes"] for stream in a["streams"]] == ["encoded to opus"]
    assert any("re-encoded" in text for text in a["warnings"]), "in the words of a run"
    assert facts["c.mp4"]["exit_code"] == 2
    assert "cannot be opened" in facts["c.mp4"]["error"]
    assert {path.name for path in night.iterdir()} == before, "nothing is written"

    done = called(night, *arguments, "--report", "night.jsonl")
    assert done.returncode == 2
    lines = [json.loads(line) for line in (night / "night.jsonl").read_text().splitlines()]
    assert [(line["input"], line["outcome"]) for line in lines] == [
        ("b.mkv", "done"),
        ("c.mp4", "failed"),
        ("a.mp4", "done"),
    ]
    assert lines[0]["bytes"] == (night / "out" / "b.2x.mkv").stat().st_size
    speeds = json.loads((night / "cache" / "speeds.json").read_text())
    assert [entry["size"] for entry in speeds.values()] == [[64, 48]]

    # The machine dies in the middle of a line, and one result is lost in part.
    with (night / "night.jsonl").open("a") as file:
        file.write('{"version": "0')
    broken = night / "out" / "a.2x.mp4"
    os.truncate(broken, broken.stat().st_size // 2)
    kept = (night / "out" / "b.2x.mkv").stat().st_mtime_ns
    make_video(night / "c.mp4", pts=range(5))
    again = called(night, *arguments, "--report", "night.jsonl", "--skip-existing")
    assert again.returncode == 0, again.stderr
    assert "a.2x.mp4: " not in again.stderr
    assert "was incomplete and is made again" in again.stderr
    assert (night / "out" / "b.2x.mkv").stat().st_mtime_ns == kept
    assert [len(decoded(night / "out" / name)) for name in ("a.2x.mp4", "c.2x.mp4")] == [24, 10]
    lines = [json.loads(line) for line in (night / "night.jsonl").read_text().splitlines()[4:]]
    assert [line["outcome"] for line in lines] == ["skipped", "done", "done"]
    assert all(line["bytes"] for line in lines), "the next run needs no look"


def test_one_video_into_a_folder_and_what_failed_again(night: Path) -> None:
    report = {"files": [{"input": "b.mkv", "output": "x", "outcome": "done"}]}
    (night / "report.json").write_text(json.dumps(report))
    done = called(night, "a.mp4", "b.mkv", "-o", "new/deep/", "--retry-failed", "report.json", "--json")
    assert done.returncode == 0, done.stderr
    assert [(entry["input"], entry["outcome"]) for entry in json.loads(done.stdout)] == [
        ("a.mp4", "done"),
        ("b.mkv", "skipped"),
    ]
    assert "\nskipped b.mkv\n" in done.stderr
    assert [path.name for path in (night / "new" / "deep").iterdir()] == ["a.2x.mp4"]
    one = called(night, "b.mkv", "-o", "new/", "--dry-run", program=LOOK)
    assert f"b.mkv -> {Path('new') / 'b.2x.mkv'}\n  frames   12 frames from 6 at 50 fps, 0.24 s" in one.stdout
    assert "  size     about " in one.stdout
    assert "alone" not in one.stdout


def test_a_time_is_of_one_machine_where_several_would_work(night: Path) -> None:
    shared = called(night, "b.mkv", "a.mp4", "-o", "new/", "--cluster", "auto", "--dry-run", program=LOOK)
    assert shared.returncode == 0, shared.stderr
    times = [line for line in shared.stdout.splitlines() if line.startswith(("  time", "2 of 2"))]
    assert len(times) == 3
    assert all(" on this machine alone" in line for line in times), times


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.mp4", "b.mkv", "-o", "out.mp4"], "several inputs need a folder"),
        (["a.mp4", "b.mkv", "-o", "-"], "several inputs need a folder"),
        (["*.avi"], "matches no file"),
        ([""], "the name of an input is empty"),
        (["", "a.mp4"], "the name of an input is empty"),
        (["a.mp4", "-o", ""], "the name of the output is empty"),
        (["a.mp4", "--watch"], "--watch needs a folder"),
        (["a.mp4", "--dry-run", "--report", "r.json"], "--dry-run writes no files"),
        (["a.mp4", "b.mkv", "--retry-failed", "list.txt"], "is not a report"),
        (["a.mp4", "--preview", "--dry-run"], "--preview takes one input"),
        (["a.mp4", "b.mkv", "--preview"], "--preview takes one input"),
        (["a.mp4", "--preview", "--report", "r.json"], "--preview excludes --cluster, --report and --resume"),
        (["a.mp4", "--preview", "--cluster", "local"], "--preview excludes --cluster, --report and --resume"),
        (["a.mp4", "--preview", "--resume"], "--preview excludes --cluster, --report and --resume"),
        (
            ["a.mp4", "-o", "-", "--json", "--output-format", "nut"],
            "--json and a video cannot both go to standard output",
        ),
        (["-", "--json", "--output-format", "nut"], "--json and a video cannot both go to standard output"),
        (["a.mp4", "-o", "out.mp4", "--report", "a.mp4"], "a.mp4: the report would replace the input or the output"),
        (
            ["a.mp4", "-o", "out.mp4", "--report", "out.mp4"],
            "out.mp4: the report would replace the input or the output",
        ),
        (["a.mp4", "-o", "out.mp4", "--report", "a.json"], "a.json: the report would replace the input or the output"),
        (["b.mkv", "a.mp4", "--report", "b.mkv"], "b.mkv: the report would replace the input or the output"),
        (["a.mp4", "-o", "out.mp4", "--report", "b.mkv"], "b.mkv: exists already and is not a report of frame-booster"),
        (["a.mp4", "--report", "-"], "--report needs the name of a file (for standard output, use --json)"),
        (["a.mp4", "--report", "no/r.json"], "the report cannot be written: no such folder (create the folder first)"),
    ],
)
def test_what_cannot_be_is_told_before_work(
    night: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(night)
    (night / "a.json").hardlink_to("a.mp4")
    before = sorted(path.name for path in night.iterdir())
    found = in_process(monkeypatch, *arguments)
    assert (found.exit_code, message in found.output) == (2, True), found.output
    assert sorted(path.name for path in night.iterdir()) == before


def in_process(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Result:
    monkeypatch.setattr("frame_booster.cli.errors._silence_libraries", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return CliRunner().invoke(boost, [*map(str, arguments)])


def test_a_report_that_may_not_be_written_is_told_before_work(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != night)
    found = in_process(monkeypatch, night / "a.mp4", "-o", night / "out.mp4", "--report", night / "r.json")
    assert found.exit_code == 2
    assert f"{night / 'r.json'}: the report cannot be written: permission denied" in found.output


@pytest.mark.parametrize("flags", [["--skip-existing"], ["--retry-failed", "report.jsonl"]])
def test_one_input_is_left_alone_too(night: Path, flags: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(night)
    boosted(Path("b.mkv"), Path("b.2x.mkv"))
    facts = {"input": "b.mkv", "output": "b.2x.mkv", "outcome": "done"}
    (night / "report.jsonl").write_text(json.dumps(facts) + "\n")
    made = (night / "b.2x.mkv").read_bytes()
    found = in_process(monkeypatch, "b.mkv", *flags)
    assert found.exit_code == 0, found.output
    assert found.stderr.startswith("b.mkv: skipped\n")
    assert found.stderr.endswith("\n1 of 1 files done\n")
    assert (night / "b.2x.mkv").read_bytes() == made
