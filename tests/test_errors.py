"""What the system refuses is told as that, and is no fault of the program."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from frame_booster.errors import InputError, ModelError, OutputError, UnexpectedError, as_known


def of_system(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number)) if path is None else OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "no space is left"),
        (errno.EROFS, "read-only"),
        (errno.EMFILE, "too many files are open"),
        (errno.EIO, "the disk reports an error"),
        (errno.EACCES, "permission is denied"),
        (errno.EPERM, "does not permit"),
        (errno.ENOENT, "no such file"),
        (errno.ENOTDIR, "no folder"),
        (errno.ESTALE, "gone from the disk on the network"),
    ],
)
def test_what_the_system_refuses_says_what_to_do(number: int, message: str) -> None:
    known = as_known(of_system(number, "/a/film.mkv"), "input.mp4")
    assert type(known) is OutputError
    assert known.path == "/a/film.mkv"
    assert message in str(known)
    assert known.hint
    assert "fault of frame-booster" not in str(known)
    assert as_known(of_system(number), "input.mp4").path == "input.mp4", "an error that names no file"


def test_memory_that_is_used_up_is_no_fault_of_the_program() -> None:
    assert type(as_known(MemoryError("Unable to allocate 9 GiB"))) is ModelError


def test_other_errors_are_unexpected_and_known_ones_stay() -> None:
    for error in (of_system(errno.EDOM), OSError("odd"), KeyError("odd")):
        assert type(as_known(error)) is UnexpectedError
    known = InputError("no video", path="a.mp4")
    assert as_known(known, "b.mp4") is known


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
    assert (type(known), known.message) == (InputError, "the current folder is gone")
