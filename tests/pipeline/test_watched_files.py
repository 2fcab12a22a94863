"""A file in a watched folder is complete when two looks at it see the same."""

from __future__ import annotations

import os
import time
from pathlib import Path

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
