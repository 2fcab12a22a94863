"""An interruption on Windows, where a file that is still open cannot be removed: it is waited for, or told of."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frame_booster import files
from frame_booster.errors import Interrupted, OutputError
from frame_booster.media.output.atomic import partial_file
from frame_booster.media.output.file import FileSink
from frame_booster.media.output.picture_folder import partial_folder
from frame_booster.options import BoostOptions
from frame_booster.pipeline import job
from frame_booster.pipeline.boost import run
from frame_booster.pipeline.comparison.compare import compare
from frame_booster.pipeline.comparison.preview import preview
from frame_booster.pipeline.comparison.recording import Recording
from tests.conftest import MeanModel, boosted, make_video


@pytest.fixture(autouse=True)
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WINDOWS", True)
    monkeypatch.setattr(files, "_LOOK_S", 0.001)
    monkeypatch.setattr(files, "_PATIENCE_S", 0.01)


@pytest.fixture
def closing(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Files are closed as slowly as large ones that FFmpeg moves, and not to be removed until then."""
    closed, leave, unlink = threading.Event(), FileSink.__exit__, Path.unlink

    def slowly(self: FileSink, *error: Any) -> Any:
        time.sleep(1.5)
        result = leave(self, *error)
        closed.set()
        return result

    def removed(self: Path, missing_ok: bool = False) -> None:
        if ".partial-" in self.name and not closed.is_set():
            raise PermissionError(13, "The process cannot access the file", str(self))
        unlink(self, missing_ok)

    monkeypatch.setattr(FileSink, "__exit__", slowly)
    monkeypatch.setattr(Path, "unlink", removed)
    return closed


def stopped(source: Path, output: Path) -> Interrupted:
    stop = threading.Event()
    with pytest.raises(Interrupted) as told:
        run(str(source), str(output), BoostOptions(), lambda _: stop.set(), MeanModel(), stop)  # type: ignore[arg-type]
    return told.value


def test_the_writer_s_file_is_waited_for(tmp_path: Path, closing: threading.Event) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(60), size=(160, 96))
    assert "nothing was written" in str(stopped(source, tmp_path / "out.mp4"))
    assert closing.is_set()
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_file_that_is_left_is_told_of(
    tmp_path: Path, closing: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "_WINDOWS_PATIENCE_S", 0.1)
    source = make_video(tmp_path / "in.mp4", pts=range(60), size=(160, 96))
    told = stopped(source, tmp_path / "out.mp4")
    [left] = tmp_path.glob(".out.partial-*")
    assert f"{left} could not be removed" in str(told)
    assert told.path == tmp_path / "out.mp4"
    assert "nothing was written" not in str(told)
    assert closing.wait(20)


def half_written(target: Path, error: BaseException) -> None:
    with partial_file(target, overwrite=False) as partial:
        partial.write_text("half")
        raise error


def half_drawn(target: Path, error: BaseException) -> None:
    with partial_folder(Path("in.mp4"), target, overwrite=False) as partial:
        (partial / "1.png").write_text("half")
        raise error


@pytest.mark.parametrize("work", [half_written, half_drawn])
def test_every_error_tells_of_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[Path, BaseException], None]
) -> None:
    def refused(path: Any, *_: Any, **options: Any) -> None:
        if not options.get("ignore_errors"):
            raise PermissionError(13, "The process cannot access the file", str(path))

    monkeypatch.setattr(Path, "unlink", refused)
    monkeypatch.setattr(shutil, "rmtree", refused)
    target = tmp_path / "out"
    for k, (error, kind) in enumerate(
        [(OutputError("odd", path="it", hint="why"), OutputError), (KeyboardInterrupt(), Interrupted)]
    ):
        before = set(tmp_path.iterdir())
        with pytest.raises(kind) as told:
            work(target, error)
        [left] = set(tmp_path.iterdir()) - before
        says = f"{left} could not be removed; delete it"
        assert str(told.value) == (f"{target}: interrupted; {says}" if k else f"it: odd; {says} (why)")
    with pytest.raises(ZeroDivisionError):
        work(target, ZeroDivisionError())


@pytest.fixture
def open_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary folder of a page cannot be removed, and its work is interrupted."""
    rmdir = os.rmdir

    def refused(path: Any, **options: Any) -> None:
        if "frame-booster-" in os.fspath(path):
            raise OSError(39, "Directory not empty", path)
        rmdir(path, **options)

    def interrupted(*_: Any) -> None:
        raise Interrupted("interrupted")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "rmdir", refused)
    monkeypatch.setattr(Recording, "add", interrupted)


def test_an_open_file_of_a_page_does_not_hide_an_interruption(tmp_path: Path, open_proxy: None) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(8))
    boosted(source, tmp_path / "out.mp4")
    with pytest.raises(Interrupted):
        compare(str(source), str(tmp_path / "out.mp4"))
    with pytest.raises(Interrupted):
        preview(str(source), None, BoostOptions(), model=MeanModel())  # type: ignore[arg-type]
