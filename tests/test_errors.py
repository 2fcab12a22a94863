"""What the system refuses is told as that, and is no fault of the program."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from frame_booster.cli.boosting import check_report
from frame_booster.cli.fbnet.shared import check_writable
from frame_booster.errors import InputError, ModelError, OutputError, UnexpectedError, as_known, not_writable
from frame_booster.media.output.atomic import check_folder


def of_system(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number)) if path is None else OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EFBIG, "larger than this file system allows"),
        (errno.EROFS, "read-only"),
        (errno.EMFILE, "too many files are open"),
        (errno.EIO, "the disk reports an input/output error"),
        (errno.EACCES, "permission denied"),
        (errno.EPERM, "does not allow"),
        (errno.ENOENT, "no such file"),
        (errno.ENOTDIR, "not a folder"),
        (errno.ESTALE, "disappeared from the network disk"),
    ],
)
def test_what_the_system_refuses_says_what_to_do(number: int, message: str) -> None:
    known = as_known(of_system(number, "/a/film.mkv"), "input.mp4")
    assert type(known) is OutputError
    assert known.path == "/a/film.mkv"
    assert message in str(known)
    assert known.hint
    assert "bug in frame-booster" not in str(known)
    assert as_known(of_system(number), "input.mp4").path == "input.mp4", "an error that names no file"


def test_memory_that_is_used_up_is_no_fault_of_the_program() -> None:
    assert type(as_known(MemoryError("Unable to allocate 9 GiB"))) is ModelError


def test_other_errors_are_unexpected_and_known_ones_stay() -> None:
    for error in (of_system(errno.EDOM), OSError("odd"), KeyError("odd")):
        assert type(as_known(error)) is UnexpectedError
    known = InputError("no video", path="a.mp4")
    assert as_known(known, "b.mp4") is known


def test_threads_that_the_system_refuses_are_no_fault_of_the_program() -> None:
    """As within a container's --pids-limit."""
    known = as_known(RuntimeError("can't start new thread"), "a.mp4")
    assert type(known) is ModelError
    assert "--pids-limit" in str(known)
    assert type(as_known(RuntimeError("odd"))) is UnexpectedError


@pytest.mark.parametrize("link", ["__cause__", "__context__"])
def test_a_package_that_cannot_be_imported_is_no_fault_of_the_program(link: str) -> None:
    """NumPy puts a page of advice around what the loader says, and 1.26 does not name that as the cause."""
    cause = ImportError("/venv/numpy/_umath.so: failed to map segment from shared object")
    page = ImportError("IMPORTANT:\n\nPLEASE READ THIS\n")
    setattr(page, link, cause)
    known = as_known(page)
    assert type(known) is ModelError
    assert str(known).startswith(f"a library cannot be loaded: {cause} (if its disk is mounted noexec")
    missing = str(as_known(ModuleNotFoundError("No module named 'tqdm'")))
    assert missing.startswith("a package cannot be imported: No module named 'tqdm' (reinstall frame-booster")


def test_an_error_is_one_line_whatever_it_tells_of() -> None:
    """OpenVINO explains itself over several lines, and a name may hold any character."""
    error = ModelError("the engine: Exception from a:\ncan't alloc\n\n", path="a\nb\x1b[2J é 電.mp4", hint="see")
    assert str(error) == "a\\nb\\x1b[2J é 電.mp4: the engine: Exception from a: can't alloc (see)"
    assert error.path == "a\nb\x1b[2J é 電.mp4"


@pytest.mark.parametrize(("flag", "reason"), [(0, "permission denied"), (1, "the file system is read-only")])
def test_a_place_that_cannot_be_written_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: int, reason: str
) -> None:
    assert not_writable(tmp_path) is None
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=flag), raising=False)
    monkeypatch.setattr(os, "ST_RDONLY", 1, raising=False)
    told = not_writable(tmp_path)
    assert told is not None
    assert told[0] == reason
    for refused in (
        lambda: check_folder(tmp_path),
        lambda: check_writable(tmp_path / "a.png"),
        lambda: check_report(tmp_path / "a.json", [], None),
    ):
        with pytest.raises((OutputError, InputError)) as error:
            refused()
        assert str(error.value).endswith(f"cannot be written: {reason} ({told[1]})")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets no folder go that is a program's")
def test_a_current_folder_that_is_gone_is_no_fault_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(FileNotFoundError) as told:
        Path("a.mp4").absolute()
    known = as_known(told.value, "a.mp4")
    assert (type(known), known.message) == (InputError, "the current folder no longer exists")
