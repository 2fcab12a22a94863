"""Files are written whole or not at all, and are on the disk where that is asked for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from frame_booster.errors import as_known
from frame_booster.files import atomic


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_appears_whole_when_the_block_ends(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_text("old")
    with atomic(path, durable=durable) as partial:
        partial.write_text("new")
        assert partial.parent == tmp_path, "on the same file system, so that it can be renamed"
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "a.bin"
    path.write_text("old")

    def write() -> None:
        with atomic(path) as partial:
            partial.write_text("half")
            raise failure

    with pytest.raises(failure):
        write()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_failure_before_anything_is_written_is_the_one_that_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too early"), atomic(tmp_path / "a.bin"):
        raise ValueError("too early")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_removed_the_failure_is_the_one_that_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows, while another program reads what is unfinished."""

    def refused(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(ValueError, match="odd"), atomic(tmp_path / "a.bin"):
        raise ValueError("odd")


def test_a_file_that_cannot_be_renamed_is_removed(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(IsADirectoryError), atomic(tmp_path / "taken") as partial:
        partial.write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_a_file_that_there_is_no_room_for_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    with pytest.raises(OSError, match="weights") as caught, atomic(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert as_known(caught.value).path == str(path)
    with pytest.raises(OSError, match="odd") as caught, atomic(path):
        raise OSError(errno.EPERM, "odd")
    assert caught.value.filename is None


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    left = tmp_path / "a.bin.partial"
    left.write_text("left by a killed process, longer than the new one")
    with atomic(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"
    assert not left.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folders")
@pytest.mark.parametrize("durable", [False, True])
def test_durable_files_are_flushed_before_and_folders_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    path, flushed = tmp_path / "a.bin", []

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        file = next((p for p in (tmp_path, *tmp_path.iterdir()) if p.stat().st_ino == status.st_ino), None)
        flushed.append((file, path.exists()))

    monkeypatch.setattr("frame_booster.files.os.fsync", fsync)
    with atomic(path, durable=durable) as partial:
        partial.write_text("new")
    assert flushed == ([(partial, False), (tmp_path, True)] if durable else [])
