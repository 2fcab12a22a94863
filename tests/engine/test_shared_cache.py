"""Compilations of a GPU on disks that fail, and beside processes that run for long."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from frame_booster.engine import xla_cache
from tests.engine.test_xla_cache import opened


def test_a_copy_that_was_cut_short_is_not_given_to_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where files cannot be linked, as on some network disks, they are copied."""
    folder, own = opened(tmp_path)
    for name in ("one.pb", "two.pb"):
        (own / name).write_bytes(b"compiled")
    folder.close()

    def no_links(*paths: Any) -> None:
        raise OSError(95, "Operation not supported")

    usual = xla_cache.shutil.copyfile

    def copyfile(path: Path, to: Path) -> Any:
        if path.name == "two.pb":
            to.write_bytes(b"comp")
            raise OSError(28, "No space left on device")
        return usual(path, to)

    monkeypatch.setattr(xla_cache.os, "link", no_links)
    monkeypatch.setattr(xla_cache.shutil, "copyfile", copyfile)
    again, own = opened(tmp_path)
    assert [path.name for path in own.iterdir()] == ["one.pb"]
    assert (own / "one.pb").read_bytes() == b"compiled"
    again.close()
    assert (tmp_path / "executables" / "two.pb").is_file(), "the next process may have room"


def test_a_process_that_runs_for_weeks_keeps_its_folder(tmp_path: Path) -> None:
    folder, own = opened(tmp_path)
    long_ago = time.time() - xla_cache.FORGOTTEN_ELSEWHERE_S - 60
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    other, _ = opened(tmp_path)
    other.close()
    assert own.is_dir()
    (own / "one.pb").write_bytes(b"compiled")
    folder.close()
    assert (tmp_path / "executables" / "one.pb").read_bytes() == b"compiled"


def test_processes_of_another_machine_may_have_numbers_that_are_none_here(tmp_path: Path) -> None:
    number = 1 << 22  # Linux has none so large.
    for k in range(xla_cache.TRIALS):
        (tmp_path / f"unfinished.another.{number + k}.x").touch()
        (tmp_path / f"run.another.{number + k}.x").mkdir()
    past_a_week = time.time() - xla_cache.FORGOTTEN_S - 60
    for path in tmp_path.iterdir():
        os.utime(path, (past_a_week, past_a_week))
    folder, _ = opened(tmp_path)
    folder.close()
    assert len(list(tmp_path.glob("*.another.*"))) == 2 * xla_cache.TRIALS, "they may be at work"
