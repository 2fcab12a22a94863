"""Where the time went: stopwatches, and the stage that is slow is the one that is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from frame_booster.engine.maker import Request
from frame_booster.pipeline.makers import NetworkMakers
from frame_booster.pipeline.stage_times import AT_ONCE, StageTimes, Stopwatch
from frame_booster.pixels import Planes
from tests.conftest import boosted, make_video

_NAP_S = 0.02


def test_a_stopwatch_counts_time_in_which_several_are_inside_once() -> None:
    watch = Stopwatch()
    leave = threading.Event()
    inside = threading.Barrier(4)
    began = time.monotonic()

    def stay() -> None:
        with watch:
            inside.wait()
            leave.wait()

    threads = [threading.Thread(target=stay) for _ in range(3)]
    for thread in threads:
        thread.start()
    inside.wait()
    time.sleep(0.1)
    so_far = watch.seconds
    assert 0.1 <= so_far <= time.monotonic() - began, "what has not ended counts, too"
    leave.set()
    for thread in threads:
        thread.join()
    assert so_far <= watch.seconds <= time.monotonic() - began, "three at the same time count once"
    before = watch.seconds
    time.sleep(0.02)
    assert watch.seconds == before, "outside it stands still"


def test_shares_and_the_slowest() -> None:
    times = StageTimes(load=9.0, decode=1.0, network=4.0, encode=2.0)
    assert times.slowest == "network", "loading is not one of those that work at the same time"
    assert times.shares(8.0) == {"load": 1.0, "decode": 0.125, "network": 0.5, "encode": 0.25}
    assert StageTimes().slowest is None
    assert StageTimes().shares(0.0) == {}
    assert times.since(StageTimes(decode=0.5)).decode == 0.5
    assert (times + times).network == 8.0


class Copies:
    """A network that shows the first frame again: it takes no time, nor is it loaded."""

    batch_size = at_once = 1

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        return [frames[r.first] for r in requests]


@pytest.fixture(autouse=True)
def copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NetworkMakers, "__call__", lambda self, layout: Copies())


def slow_network(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = Copies.make

    def make(self: Any, *args: Any) -> Any:
        time.sleep(_NAP_S)
        return inner(self, *args)

    monkeypatch.setattr(Copies, "make", make)


def slow_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    from frame_booster.media.input.file import FileSource

    inner = FileSource.items

    def items(self: Any, *args: Any, **more: Any) -> Any:
        for item in inner(self, *args, **more):
            time.sleep(_NAP_S)
            yield item

    monkeypatch.setattr(FileSource, "items", items)


def slow_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    from frame_booster.media.output.video_encoder import VideoEncoder

    inner = VideoEncoder.encode

    def encode(self: Any, *args: Any) -> Any:
        time.sleep(_NAP_S / 2)
        return inner(self, *args)

    monkeypatch.setattr(VideoEncoder, "encode", encode)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_video(tmp_path / "in.mp4", pts=range(12), size=(32, 32))


@pytest.mark.parametrize(
    ("stage", "slow"), [("network", slow_network), ("decode", slow_decoder), ("encode", slow_encoder)]
)
def test_the_stage_that_is_slow_is_told(
    stage: str, slow: Any, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(monkeypatch)
    told: list[Any] = []
    result = boosted(source, tmp_path / "out.mkv", progress=told.append)
    stages = result.stages
    assert stages.slowest == stage, stages
    assert getattr(stages, stage) >= 11 * _NAP_S
    assert sum(getattr(stages, name) > 0 for name in AT_ONCE) == 4
    assert 0 < stages.check < result.seconds
    assert all(getattr(stages, name) <= result.seconds for name in AT_ONCE)
    assert told[-1].stages.slowest == stage
    assert result.as_json()["stages"][stage] == round(getattr(stages, stage), 3)
    assert set(result.as_json()["stages"]) == {"load", *AT_ONCE, "join", "check"}


def test_a_run_that_can_be_taken_up_tells_of_its_joining(source: Path, tmp_path: Path) -> None:
    stages = boosted(source, tmp_path / "out.mkv", resume=True).stages
    assert stages.join > 0
    assert stages.encode > 0
