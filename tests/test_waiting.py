"""No wait of the main thread is without an end: on Windows, Ctrl-C arrives only between waits for locks."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from frame_booster import waiting
from frame_booster.errors import Interrupted
from frame_booster.options import BoostOptions
from frame_booster.pipeline.folder import FolderOptions, FolderRun
from frame_booster.pipeline.outcome import FileOutcome
from frame_booster.training.data.dataset import work_on


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The timeouts of all waits for futures; one that has none fails."""
    timeouts: list[float] = []
    wait = waiting.wait

    def limited(futures: Any, *, timeout: float | None, return_when: str) -> Any:
        assert timeout is not None, "Ctrl-C would not end it"
        timeouts.append(timeout)
        return wait(futures, timeout=timeout, return_when=return_when)

    monkeypatch.setattr(waiting, "wait", limited)
    monkeypatch.setattr(waiting, "LOOK_S", 0.01)
    return timeouts


def test_a_wait_goes_on_until_its_condition_holds(looks: list[float]) -> None:
    go, threads = threading.Event(), ThreadPoolExecutor(2)
    futures = [threads.submit(time.sleep, 0.1), threads.submit(go.wait, 60.0)]
    assert waiting.wait_for(futures, FIRST_COMPLETED) == ({futures[0]}, {futures[1]})
    assert len(looks) > 1
    threads.submit(time.sleep, 0.1).add_done_callback(lambda _: go.set())
    assert waiting.wait_for(futures) == (set(futures), set())
    assert waiting.wait_for([], FIRST_COMPLETED) == waiting.wait_for([]) == (set(), set())
    threads.shutdown()


class SlowRun(FolderRun):
    """Files that take a moment, and no network."""

    def _one(self, path: Path, target: Path, device: str) -> FileOutcome:
        time.sleep(0.1)
        return FileOutcome.failed(str(path), str(target), Interrupted("done"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_s_run_looks_for_ctrl_c(tmp_path: Path, looks: list[float], jobs: int) -> None:
    for k in range(3):
        (tmp_path / f"{k}.mp4").touch()
    run = SlowRun(tmp_path, tmp_path / "out", BoostOptions(), FolderOptions(jobs=jobs))
    assert len(run.run()) == 3
    assert len(looks) > 3


def test_ctrl_c_says_how_far_a_folder_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0.mp4").touch()

    def ctrl_c(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting, "wait", ctrl_c)
    run = SlowRun(tmp_path, tmp_path / "out", BoostOptions(), FolderOptions())
    with pytest.raises(Interrupted, match="interrupted; 0 of 1 files are done"):
        run.run()


def test_making_a_data_set_looks_for_ctrl_c(looks: list[float]) -> None:
    ended: list[float] = []
    work_on([0.1, 0.1], time.sleep, lambda task, _: ended.append(task))
    assert ended == [0.1, 0.1]
    assert len(looks) > 2


def test_no_other_module_waits_for_futures() -> None:
    package = Path(waiting.__file__).parent
    waits = re.compile(r"concurrent\.futures import .*\b(wait|as_completed)\b|futures\.(wait|as_completed)\(")
    found = [path for path in package.rglob("*.py") if waits.search(path.read_text(encoding="utf-8"))]
    assert [path.name for path in found] == ["waiting.py"]
