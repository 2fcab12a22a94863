"""Progress: lines of JSON that a program can trust, lines and bars for people, and where the time went."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from frame_booster.cli.cluster_progress import ClusterProgress
from frame_booster.cli.display import Display, busy, live, seconds_of
from frame_booster.cli.progress import FolderProgress, ProgressBar
from frame_booster.pipeline.cluster.news import ClusterNow, Warned, WorkerNow
from frame_booster.pipeline.job import Progress
from frame_booster.pipeline.outcome import FileOutcome
from frame_booster.pipeline.result import Result
from frame_booster.pipeline.stage_times import StageTimes
from tests.cli.test_cli import ROOT, command, run
from tests.conftest import decoded, make_video

RESULT = Result("in", "out", 1, 2, 0, 1, 0, 0, 0, 0, Fraction(1, 25), Fraction(50), 0, 4.0, "m", "/CPU:0", "float32")
NOW = ClusterNow(10, 40, 0.0, 2.5, 12.0, 1, 3, 2, (WorkerNow(1, "host", "/CPU:0", "in/a.mp4", 4, 5),))


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


@contextmanager
def terminal() -> Iterator[Terminal]:
    with redirect_stderr(Terminal()) as shown:
        yield shown


def steps(count: int = 5, every: float = 10.0) -> list[Progress]:
    """A run whose network takes 9 of 10 s, and its encoder 3."""
    return [
        Progress(k, count, 20.0 + k * every, StageTimes(load=20.0, decode=k * 1.0, network=k * 9.0, encode=k * 3.0))
        for k in range(1, count + 1)
    ]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_are_all_that_is_on_stderr_where_stdout_is_data(tmp_path: Path) -> None:
    """The installed command, with a profile: begin, progress, warnings, end; and the report has stages and profile."""
    source = make_video(tmp_path / "in.mkv", pts=range(4), size=(64, 48), tones=1)
    settings = tmp_path / "frame-booster"
    settings.mkdir()
    (settings / "config.toml").write_text('[raw]\noutput-format = "yuv4mpegpipe"\nprogress = "json"\n')
    report = tmp_path / "report.json"
    line = command(source, "-o", "-", "--profile", "raw", "--report", report, "--device", "cpu")
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with (tmp_path / "out.y4m").open("wb") as out:
        done = subprocess.run(line, stdout=out, stderr=subprocess.PIPE, text=True, timeout=200, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(decoded(tmp_path / "out.y4m")) == 8
    events = lines(done.stderr)
    kinds = [line["event"] for line in events]
    assert (kinds[0], kinds[-1]) == ("begin", "end")
    assert {"progress", "warning"} <= set(kinds), "audio is left out with a warning"
    assert {line["file"] for line in events} == {str(source)}
    last = [line for line in events if line["event"] == "progress"][-1]
    assert (last["frames"], last["total"], last["eta_s"]) == (8, 8, 0.0)
    assert all(0 <= share <= 1 for share in last["stages"].values())
    assert events[-1]["outcome"] == "done"
    facts = json.loads(report.read_text())
    assert facts["profile"] == "raw"
    assert facts["files"][0]["stages"]["network"] > 0
    assert facts["files"][0]["stages"] == events[-1]["stages"]


def test_verbose_tells_the_seconds_of_each_stage(tmp_path: Path) -> None:
    """The installed command, with an option from the environment and one by its name in ffmpeg."""
    source = make_video(tmp_path / "in.mp4", pts=range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAME_BOOSTER_FACTOR", "4")
        done = run(source, "-v", "--progress", "none", "-crf", "20", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    summary, seconds = done.stderr.splitlines()
    assert re.search(r": 8 frames at 100 fps from 2 in [\d.]+ s; busy: .*loading \d+ %", summary)
    assert re.fullmatch(r"  loading .* decoding .* network .* encoding .* slowest: \w+", seconds)


def test_an_error_is_a_line_of_json_too(tmp_path: Path) -> None:
    done = run(tmp_path / "none.mp4", "--progress", "json", "--quiet")
    assert done.returncode == 2
    assert [line["event"] for line in lines(done.stderr)] == ["begin", "end", "error"]
    assert {line["exit_code"] for line in lines(done.stderr)[1:]} == {2}


def test_lines_of_json_are_some_a_second_and_tell_speed_since_the_first_frame(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ProgressBar("in.mp4", Display("json", quiet=True)) as bar:
        for step in [*steps(), *steps(5, 0.001)[:3]]:
            bar.update(step)
    shown = lines(capsys.readouterr().err)
    assert [line["event"] for line in shown] == ["begin", *["progress"] * 5], "those soon after another are left out"
    assert shown[2] == {
        "event": "progress",
        "file": "in.mp4",
        "frames": 2,
        "total": 5,
        "fps": 0.1,
        "eta_s": 30.0,
        "stages": {"decode": 0.1, "network": 0.9, "encode": 0.3},
    }
    assert shown[1]["stages"]["load"] == 0.667


def test_plain_lines_come_every_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("in.mp4", Display("plain", verbose=True)) as bar:
        for step in steps():
            bar.update(step)
    shown = capsys.readouterr().err.splitlines()
    assert shown[1] == "in.mp4: 4 of 5 frames, 0.10 fps, 10 s left; slowest network 90%, encoding 30%, decoding 10%"
    assert len(shown) == 2


def test_nothing_is_shown_where_nothing_is_wanted() -> None:
    with terminal() as shown:
        for display in (Display("none"), Display(quiet=True), Display("bar", quiet=True)):
            with ProgressBar("in.mp4", display) as bar:
                for step in steps():
                    bar.update(step)
        assert shown.getvalue() == ""


def test_the_bar_has_frames_speed_and_in_verbose_the_slowest_stage() -> None:
    with terminal() as shown:
        with ProgressBar("a-very-long-name-of-a-video-file.mp4", Display(verbose=True)) as bar:
            for step in steps():
                bar.update(step)
            assert bar._bar is not None
            bar._bar.refresh()
        last = shown.getvalue().split("\r")[-1]
        for part in ("a-very-long-name-of-a-..:", "100%", "5/5 frames", " fps", "slowest network 90%, encoding 30%"):
            assert part in last
    with terminal() as shown:
        with ProgressBar("pipe", Display()) as bar:
            bar.update(Progress(3, None, 1.0))
        assert "3 frames" in shown.getvalue()
        assert "slowest" not in shown.getvalue()


def test_a_folder_tells_programs_of_each_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    warned = dataclasses.replace(RESULT, warnings=["odd"])
    with FolderProgress(Display("json")) as folder:
        folder.begin(1)
        folder.update(tmp_path, steps()[0])
        folder.update(tmp_path, FileOutcome(str(tmp_path), "out", "done", warned))
    shown = lines(capsys.readouterr().err)
    assert [line["event"] for line in shown] == ["begin", "progress", "warning", "end"]
    assert (shown[2]["message"], shown[3]["outcome"]) == ("odd", "done")


def test_files_at_work_have_a_line_each_whichever_ends_first() -> None:
    begun = Progress(1, 9, 1.0)
    with terminal(), FolderProgress(Display("bar")) as folder:
        folder.begin(4)
        for name in ("a", "b", "c"):
            folder.update(Path(name), begun)
        folder.update(Path("a"), FileOutcome("a", "out", "done", RESULT))
        folder.update(Path("d"), begun)
        assert folder._all is not None
        assert folder._all.n == 1
        lines_of_bars = {path.name: bar._bar.pos for path, bar in folder._files.items() if bar._bar is not None}
        assert lines_of_bars == {"b": -2, "c": -3, "d": -1}


def test_a_folder_tells_people_of_each_file_where_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = FileOutcome("a.mp4", "out", "done", RESULT)
    for display, told in (
        (Display("plain"), "a.mp4: done\n"),
        (Display("plain", quiet=True), ""),
        (Display("none"), ""),
    ):
        with FolderProgress(display) as folder:
            folder.begin(1)
            folder.update(Path("a.mp4"), outcome)
        assert capsys.readouterr().err == told


def test_a_cluster_tells_people_now_and_then_and_of_each_file(capsys: pytest.CaptureFixture[str]) -> None:
    with ClusterProgress(Display("plain"), as_json=False) as shown:
        for seconds in (0.0, 29.0, 30.0, 31.0, 60.0):
            shown.update(dataclasses.replace(NOW, seconds=seconds))
        shown.update(Warned("a machine is lost"))
        print("what Ray prints")
        shown.ended(Path("a.mp4"), FileOutcome("a.mp4", "out", "done", RESULT))
    captured = capsys.readouterr()
    line = "cluster: 10 of 40 frames, 2.50 fps, 12 s left, 1 of 3 files: host/1 a.mp4#4"
    assert captured.err.splitlines() == [line, line, "frame-booster: a machine is lost", "a.mp4: done"]
    assert captured.out == ""


def test_a_cluster_tells_programs_on_stdout_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with ClusterProgress(Display("plain", quiet=True), as_json=True) as shown:
        for seconds in (0.0, 1.9, 2.0):
            shown.update(dataclasses.replace(NOW, seconds=seconds))
        shown.update(Warned("a machine is lost"))
        print("what Ray prints")
        shown.ended(Path("a.mp4"), FileOutcome("a.mp4", "out", "done", RESULT))
    captured = capsys.readouterr()
    events = lines(captured.out)
    assert [line["event"] for line in events] == ["progress", "progress", "warning", "file"]
    assert (events[1]["seconds"], events[1]["workers"][0]["file"]) == (2.0, "in/a.mp4")
    assert (events[2]["message"], events[3]["outcome"]) == ("a machine is lost", "done")
    assert captured.err == ""


def test_a_cluster_tells_programs_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with ClusterProgress(Display("json"), as_json=False) as shown:
        shown.update(ClusterNow(1, 2, 3.0, 4.0, 5.0, 0, 1, 0, ()))
        shown.update(Warned("text"))
    captured = capsys.readouterr()
    assert [line["event"] for line in lines(captured.err)] == ["progress", "warning"]
    assert captured.out == ""


def test_names_do_not_break_lines_or_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name, shown = "a\nb\x1b[2J.mp4", "a\\nb\\x1b[2J.mp4"
    outcome = FileOutcome(name, "out", "done", dataclasses.replace(RESULT, output=name))
    with FolderProgress(Display("plain")) as folder:
        folder.begin(1)
        folder.update(Path(name), outcome)
    with ClusterProgress(Display("plain"), as_json=False) as cluster:
        cluster.ended(Path(name), outcome)
    with ProgressBar(name, Display("plain")) as bar:
        for step in steps():
            bar.update(step)
    Display().summary(dataclasses.replace(RESULT, output=name))
    assert [line.split(": ")[0] for line in capsys.readouterr().err.splitlines()] == [shown] * 5
    with terminal() as seen, ProgressBar(name, Display()) as bar:
        bar.update(steps()[0])
    assert shown in seen.getvalue()


def test_a_pipe_is_named_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    Display().summary(dataclasses.replace(RESULT, output="-"))
    assert capsys.readouterr().err == "standard output: 2 frames at 50 fps from 1 in 4.0 s\n"


def test_where_the_time_went() -> None:
    stages = StageTimes(load=1.0, network=3.6, encode=1.2, decode=0.01)
    assert busy(stages, 4.0) == "; busy: network 90 %, encoding 30 %, loading 25 %"
    assert busy(StageTimes(), 4.0) == ""
    assert seconds_of(stages) == (
        "  loading 1.00 s, decoding 0.01 s, network 3.60 s, encoding 1.20 s; slowest: network"
    )
    assert live(StageTimes(), 0.0) == ""


@pytest.mark.parametrize(("slow", "named"), [("encode", True), ("network", False)])
def test_an_encoder_in_hardware_is_named_where_encoding_was_slowest_and_it_works(
    slow: str, named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_video(tmp_path / "out.mp4", pts=range(2))
    monkeypatch.setattr("frame_booster.media.output.hardware.works", lambda *_: True)
    monkeypatch.setattr(
        "frame_booster.media.output.hardware.usable_hardware_encoder.__defaults__", (("libx264",),), raising=True
    )
    result = dataclasses.replace(RESULT, output=str(made), stages=StageTimes(**{slow: 3.0, "decode": 1.0}))
    Display().summary(result)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert ("encoding was the slowest stage, and --codec libx264 works on this machine" in told) == named
    assert "2 frames at 50 fps from 1 in 4.0 s" in told
