"""A file in a watched folder is complete when two looks at it see the same."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from frame_booster import files
from frame_booster.pipeline.watched_files import WatchedFiles


def test_a_file_is_complete_once_it_stays_as_it_is(tmp_path: Path) -> None:
    watched, file = WatchedFiles(), tmp_path / "a.mp4"
    assert not watched.complete(file), "not there"
    file.write_bytes(b"half")
    assert not watched.complete(file), "the first look"
    file.write_bytes(b"half and half")
    assert not watched.complete(file), "it grows"
    assert watched.complete(file)
    file.unlink()
    assert not watched.complete(file), "gone again"


def test_the_clock_of_another_machine_does_not_matter(tmp_path: Path) -> None:
    watched, file = WatchedFiles(), tmp_path / "a.mp4"
    file.write_bytes(b"all")
    tomorrow = time.time() + 86_400
    os.utime(file, (tomorrow, tomorrow))
    assert [watched.complete(file) for _ in range(2)] == [False, True]


def held_open(monkeypatch: pytest.MonkeyPatch, *refused: str) -> None:
    """Makes opening in some modes fail, as on Windows while another program has the file open."""
    real = Path.open

    def opened(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if mode in refused:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", opened)


@pytest.mark.parametrize("refused", [["rb", "r+b"], ["r+b"]])
def test_a_file_that_explorer_is_copying_is_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: list[str]
) -> None:
    """It has its last size and time from the beginning."""
    monkeypatch.setattr(files, "WINDOWS", True)
    watched, file = WatchedFiles(), tmp_path / "a.mp4"
    file.write_bytes(b"all")
    with monkeypatch.context() as copying:
        held_open(copying, *refused)
        assert [watched.complete(file) for _ in range(3)] == [False] * 3
    assert watched.complete(file)
    assert file.read_bytes() == b"all"


@pytest.mark.parametrize("shared", [False, True])
def test_a_file_that_may_only_be_read_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    """By its attribute, or by its disk on the network, whose files look as if they could be written."""
    monkeypatch.setattr(files, "WINDOWS", True)
    watched, file = WatchedFiles(), tmp_path / "a.mp4"
    file.write_bytes(b"all")
    held_open(monkeypatch, "r+b")
    if not shared:
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
        assert [watched.complete(file) for _ in range(2)] == [False, True]
        return
    assert [watched.complete(file) for _ in range(2)] == [False, False]
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert watched.complete(file)


def test_a_file_that_may_not_be_read_is_told_of_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched, file = WatchedFiles(), tmp_path / "a.mp4"
    file.write_bytes(b"all")
    held_open(monkeypatch, "rb")
    monkeypatch.setattr(files, "WINDOWS", False)
    assert [watched.complete(file) for _ in range(2)] == [False, True]


def test_a_folder_is_not_opened(tmp_path: Path) -> None:
    watched = WatchedFiles()
    assert [watched.complete(tmp_path) for _ in range(2)] == [False, True]
