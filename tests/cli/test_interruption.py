"""Signals: what is unfinished is removed, what is said is true, and no thread keeps the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import pytest

from frame_booster.errors import Interrupted, OutputError
from frame_booster.options import BoostOptions
from frame_booster.pipeline.boost import run
from tests.conftest import MeanModel, decoded, make_video, with_default_signals
from tests.stand_in import STAND_IN

WORK = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from frame_booster.cli.errors import reported
from frame_booster.media.output.atomic import partial_file

with reported(program="fbnet"):
    # A thread that Python would wait for at its end, as one in the compiler.
    ThreadPoolExecutor(1).submit(time.sleep, 60)
    with partial_file(Path(sys.argv[1]), overwrite=False) as partial:
        partial.write_text("half")
        print("at work", flush=True)
        time.sleep(60)
"""
SIGNALS = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def test_fbnet_looks_where_its_files_go_before_it_works(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").touch()
    absent = str(tmp_path / "absent" / "file")
    given = str(tmp_path / "weights.safetensors")
    code = "import sys; from frame_booster.cli.fbnet import main; main(sys.argv[1:])"
    for arguments in (
        ["evaluate", given, "--triplets", str(tmp_path), "--csv", absent],
        ["export", given, "-o", absent],
        ["convert", given, absent],
    ):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == OutputError.exit_code, done.stderr
        assert done.stderr == f"fbnet: {absent}: cannot be written: no such folder (make it first)\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to other processes")
@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_removes_what_is_unfinished_and_waits_for_no_thread(tmp_path: Path, name: str) -> None:
    process = subprocess.Popen(
        with_default_signals([sys.executable, "-c", WORK, str(tmp_path / "out.mp4")]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    began = time.monotonic()
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - began < 20
    assert process.returncode == Interrupted.exit_code
    assert errors == ("fbnet: interrupted\n" if name == "SIGINT" else f"fbnet: stopped by {name}\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no SIGHUP")
def test_what_nohup_has_had_ignored_stays_ignored(tmp_path: Path) -> None:
    code = (
        "import signal\n"
        "from frame_booster.cli.errors import reported\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with reported(): signal.raise_signal(signal.SIGHUP)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def stopped(source: Path, output: str, **options: object) -> Interrupted:
    """Runs until some frames are written and some segments are done, and returns what is said at the end."""
    stop = threading.Event()
    with pytest.raises(Interrupted) as told:
        run(
            str(source),
            output,
            BoostOptions(**options),  # type: ignore[arg-type]
            lambda done: stop.set() if done.frames >= 40 else None,
            MeanModel(),  # type: ignore[arg-type]
            stop,
        )
    return told.value


def test_what_is_said_of_an_interruption_is_true(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(150), size=(160, 96))
    assert "nothing was written" in str(stopped(source, str(tmp_path / "out.mp4")))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
    assert "the output in the pipe is incomplete" in str(stopped(source, os.devnull, output_format="nut"))
    said = stopped(source, str(tmp_path / "out.mp4"), resume=True, segment=Fraction(1, 5))
    kept = list((tmp_path / ".out.mp4.segments").glob("*.packets"))
    assert "the same command continues" in str(said)
    assert kept, list((tmp_path / ".out.mp4.segments").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to other processes")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_leaves_the_part_that_is_done_where_asked(tmp_path: Path, name: str) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(600), size=(320, 192), tones=1)
    command = [*STAND_IN, str(source), "-o", str(tmp_path / "out.mp4"), "--keep-partial", "--progress", "json"]
    with subprocess.Popen(with_default_signals(command), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if '"event": "progress"' in line:
                break
        process.send_signal(getattr(signal, name))
        told = process.stderr.read()
    assert process.returncode == Interrupted.exit_code
    assert "the finished part is kept" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.partial.mp4"]
    frames = decoded(tmp_path / "out.partial.mp4")
    assert [time for time, _ in frames] == [Fraction(k, 50) for k in range(len(frames))]
    assert 0 < len(frames) < 1200
