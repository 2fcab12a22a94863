"""Standard input, output and error that are closed, full or not read: what is lost there is told, all else is done."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from frame_booster.cli.told_stdout import ReaderGoneError, told_stdout
from frame_booster.errors import InputError, OutputError
from tests.conftest import make_video
from tests.stand_in import ROOT, STAND_IN

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="closes files as a shell of Unix does")
FULL = Path("/dev/full")
FBNET = (sys.executable, "-c", "from frame_booster.cli.fbnet import main; main()")
_CLOSED = "import os, sys\nfor number in map(int, sys.argv[1]): os.close(number)\nos.execv(sys.argv[2], sys.argv[2:])"


def started_without(numbers: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command as `0<&-`, `>&-` and `2>&-` have it started."""
    command = [sys.executable, "-c", _CLOSED, numbers, *STAND_IN, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("numbers", ["2", "012"])
def test_a_run_without_standard_files_is_done(tmp_path: Path, numbers: str) -> None:
    make_video(tmp_path / "in.mp4", pts=range(3))
    assert started_without(numbers, tmp_path, "in.mp4", "-o", "out.mp4").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
    missing = started_without(numbers, tmp_path, "none.mp4", "-o", "out2.mp4")
    assert missing.returncode == InputError.exit_code, "and not that of a fault"


@pytest.mark.parametrize(
    ("number", "arguments", "message"),
    [
        ("1", ["in.mp4", "-o", "-", "--output-format", "nut"], "standard output is closed"),
        ("1", ["-", "--output-format", "nut"], "standard output is closed"),
        ("1", ["in.mp4", "-o", "out.mp4", "--json"], "standard output is closed"),
        ("1", ["--version"], "standard output is closed"),
        ("0", ["-", "-o", "out.mp4"], "standard input is closed"),
    ],
)
def test_what_is_asked_for_and_closed_is_an_error(
    tmp_path: Path, number: str, arguments: list[str], message: str
) -> None:
    make_video(tmp_path / "in.mp4", pts=range(3))
    done = started_without(number, tmp_path, *arguments)
    assert done.returncode == (OutputError if number == "1" else InputError).exit_code
    assert done.stderr.startswith(f"frame-booster: {message}")
    assert len(done.stderr.splitlines()) == 1, "no video, and no traceback"
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments",
    [["in.mp4", "-o", "out.mp4", "--json"], ["in.mp4", "--dry-run"], ["--help"], ["--version"], ["--list-encoders"]],
)
def test_a_full_standard_output_is_told(tmp_path: Path, arguments: list[str], unbuffered: str) -> None:
    make_video(tmp_path / "in.mp4", pts=range(3))
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with FULL.open("w") as full:
        done = subprocess.run(
            [*STAND_IN, *arguments, *(["-q"] if "-o" in arguments else [])],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
            env=environment,
        )
    assert done.returncode == OutputError.exit_code
    assert done.stderr.startswith("frame-booster: standard output cannot be written: No space left on device")
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "out.mp4").exists() == ("-o" in arguments), "the video stays"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["in.mp4", "-o", "out.mp4", "--json", "-q"], OutputError.exit_code),
        (["in.mp4", "--dry-run"], 0),
        (["--list-encoders"], 0),
        (["--help"], 0),
    ],
)
def test_a_reader_that_has_gone_costs_a_result_and_no_listing(tmp_path: Path, arguments: list[str], code: int) -> None:
    make_video(tmp_path / "in.mp4", pts=range(3))
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as unread:
        command = [*STAND_IN, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, stdout=unread, stderr=subprocess.PIPE, text=True, timeout=120, check=False
        )
    assert done.returncode == code
    assert done.stderr == ("frame-booster: the reader of standard output has closed it (broken pipe)\n" if code else "")


@pytest.mark.parametrize(
    ("code", "windows", "kind"),
    [
        (errno.EPIPE, False, ReaderGoneError),
        (errno.EINVAL, True, ReaderGoneError),
        (errno.EINVAL, False, OutputError),
        (errno.ENOSPC, True, OutputError),
    ],
)
def test_a_reader_that_has_gone_is_known_by_the_error_of_each_system(
    monkeypatch: pytest.MonkeyPatch, code: int, windows: bool, kind: type[OutputError]
) -> None:
    class Unread(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr("frame_booster.files.WINDOWS", windows)
    monkeypatch.setattr(sys, "stdout", Unread())
    with told_stdout(), pytest.raises(OutputError) as raised:
        print("a line")
    assert type(raised.value) is kind


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([*STAND_IN, "日本.mp4", "--dry-run"], r"\u65e5\u672c.mp4 -> \u65e5\u672c.2x.mp4"),
        ([*FBNET, "convert", str(ROOT / "weights" / "fbnet-2.safetensors"), "日"], r"\u65e5: in the reference's form"),
    ],
)
def test_a_name_that_standard_output_has_no_characters_for_is_written_in_others(
    tmp_path: Path, command: list[str], said: str
) -> None:
    make_video(tmp_path / "日本.mp4", pts=range(3))
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert said in done.stdout.decode("cp1252")


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["--crf", "abc"], {}, "'abc' is not a valid float"),
        (["--model", "nope"], {}, "'nope' is not one of"),
        (["--quatsch"], {}, "No such option"),
        (["--profile", "none"], {}, "there is no profile 'none'"),
        ([], {"FRAME_BOOSTER_CRF": "abc"}, "environment variable FRAME_BOOSTER_CRF"),
    ],
)
def test_a_mistake_on_the_line_is_json_where_asked(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], message: str
) -> None:
    done = subprocess.run(
        [*STAND_IN, "in.mp4", "--json", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **variables},
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"], told["error"]) == (2, 2, "InputError")
    assert message in told["message"]
    assert told["message"] in done.stderr


def test_ctrl_c_while_modules_are_imported_is_an_interruption() -> None:
    code = (
        "import signal\n"
        "from frame_booster.cli.early_interrupt import ended_at_once\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with ended_at_once('frame-booster'): signal.raise_signal(signal.SIGINT)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "frame-booster: interrupted\n")
