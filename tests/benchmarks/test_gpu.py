"""What the benchmarks of a GPU measure is what they say: programs, frames, starts and limits."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import gpu
from benchmarks.clips import encode, scene
from frame_booster.engine import device_memory, expected
from frame_booster.engine.batch_interpolator import SHORT_PAIRS, SHORT_RUN, BatchInterpolator
from frame_booster.engine.contract import StreamFunctions
from frame_booster.engine.makers.batch import BatchMaker
from frame_booster.engine.makers.stream import StreamMaker
from frame_booster.engine.nvidia import NvidiaGpu
from frame_booster.pixels import PixelLayout
from tests.conftest import MeanModel

SIZE = "64x48"


class Means(StreamFunctions):
    """Encodes a frame as itself, and counts."""

    def __init__(self, seen: list[Any]) -> None:
        self._seen = seen

    def encode(self, frame: Any) -> Any:
        self._seen.append(frame)
        return frame

    def decode(self, first: Any, second: Any, t: Any) -> Any:
        return [np.asarray(plane)[None] for plane in first]


class Streaming(MeanModel):
    """A model that takes one pair at a time by a program of its own, as all networks of ours have."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded: list[Any] = []

    def stream(self, layout: Any, plan: Any) -> Any:
        return Means(self.encoded)


class Device:
    """TensorFlow's figures of a device's memory: 1,000 for each pair, and 5,000 more when a program first runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[BatchInterpolator] = []
        self._compiled: set[int] = set()
        self._peak = 0
        device = self

        class Watched(BatchInterpolator):
            def make(self, frames: Any, requests: Any) -> Any:
                device.made.append(self)
                new = id(self) not in device._compiled
                device._compiled.add(id(self))
                device._peak = max(device._peak, 1000 * len(requests) + 5000 * new)
                return super().make(frames, requests)

        monkeypatch.setattr(gpu, "BatchInterpolator", Watched)
        experimental = SimpleNamespace(reset_memory_stats=self._reset, get_memory_info=self._info)
        monkeypatch.setattr(
            gpu, "tensorflow", lambda: SimpleNamespace(config=SimpleNamespace(experimental=experimental))
        )

    def _reset(self, name: str) -> None:
        self._peak = 0

    def _info(self, name: str) -> dict[str, int]:
        return {"current": 7, "peak": 7 + self._peak}


def options_of(task: str, *arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=2)
    gpu.add_arguments(parser)
    return parser.parse_args([task, "--sizes", SIZE, *arguments])


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Streaming:
    model = Streaming()
    monkeypatch.setattr(gpu, "Model", lambda *_, **__: model)
    return model


def test_memory_is_that_of_one_program_once_it_is_compiled(monkeypatch: pytest.MonkeyPatch, model: Streaming) -> None:
    device = Device(monkeypatch)
    [row] = gpu.memory(options_of("memory"))
    assert {type(maker.maker) for maker in device.made} == {BatchMaker}
    assert row["bytes a pixel and pair"] == pytest.approx(1000 / (64 * 48))
    assert set(row["peaks, MiB"]) == set(row["compiling, MiB"]) == {2, 4}


def test_memory_of_one_pair_is_not_compared(model: Streaming) -> None:
    for batches in ("1,2", "4"):
        with pytest.raises(SystemExit, match="from 2 on"):
            next(gpu.memory(options_of("memory", "--batches", batches)))


@pytest.mark.parametrize("at_once", ["1", "3"])
def test_frames_are_encoded_in_what_is_measured(model: Streaming, at_once: str) -> None:
    [row] = gpu.speed(options_of("speed", "--batches", "1", "--at-once", at_once))
    assert row["batch"] == 1
    rounds = gpu.ROUNDS * int(at_once)
    assert len(model.encoded) >= 2 + 3 * (rounds + 1), "the first pair, and each round all of its frames"


def test_batches_are_measured_under_way(model: Streaming) -> None:
    [row] = gpu.speed(options_of("speed", "--batches", "4", "--at-once", "2"))
    assert (row["batch"], row["at once"]) == (4, 2)
    assert not model.encoded
    assert row["frames/s"] > 0


def test_ready_is_after_a_frame_has_been_made(model: Streaming) -> None:
    maker, _, _ = gpu._interpolator(model, PixelLayout(64, 48, "yuv", 8, 1, 1), 1, 1)
    assert isinstance(maker.maker, StreamMaker)
    assert len(model.encoded) == 2, "what takes one pair at a time is compiled by its first"


def test_a_run_is_warm_only_where_one_like_it_was_before(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, ran = set(), []

    def run(clip: Path, output: Path, options: Any, cache: Path, more: list[str]) -> float:
        ran.append((cache, tuple(more)) in seen)
        assert ran[-1] or cache not in {known for known, _ in seen}, "nothing at all is kept on disk before a cold run"
        seen.add((cache, tuple(more)))
        return 1.0

    monkeypatch.setattr(gpu, "_boosted", run)
    monkeypatch.setattr(gpu, "_clip", lambda folder, size, frames: Path("clip.mp4"))
    rows = list(gpu.start(options_of("start")))
    assert [row["start"].startswith("warm") for row in rows] == ran
    assert {row["start"].startswith("cold") for row in rows if "--factor 8" in row["start"]} == {True, False}
    few, many = (min(row["interpolated"] for row in rows), max(row["interpolated"] for row in rows))
    assert few < SHORT_RUN <= many


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """An H200, of which all is free."""
    found = (NvidiaGpu("NVIDIA H200", (9, 0), 139 << 30, "0"),)
    monkeypatch.setattr(expected, "gpus", lambda: found)
    monkeypatch.setattr(expected, "nvidia_gpus", lambda: 1)
    monkeypatch.setattr(device_memory, "free_gpu_memory", lambda index: 139 << 30)


def test_a_limit_under_the_plan_is_among_those_that_are_tried(monkeypatch: pytest.MonkeyPatch, card: None) -> None:
    lengths, asked = [], []

    def clip(folder: str, size: str, frames: int) -> Path:
        lengths.append(frames)
        return Path("clip.mp4")

    def run(clip: Path, output: Path, options: Any, cache: Path, more: list[str]) -> float:
        amount = more[-1] if "--max-device-memory" in more else None
        asked.append(amount)
        if amount == "100M":
            raise RuntimeError("too little memory")
        encode(output, scene(4, 64, 48, 10 if amount == "1200M" else 0), "ffv1", {})
        return 1.0

    monkeypatch.setattr(gpu, "_boosted", run)
    monkeypatch.setattr(gpu, "_clip", clip)
    options = options_of("limit", "--sizes", "3840x2160", "--limits", "8G,100M,1200M")
    usual, same, failed, smaller = gpu.limit(options)
    assert lengths[0] - 1 >= SHORT_RUN, "of a shorter file few pairs are made at once, whatever the limit"
    assert usual["plan"] == same["plan"] == "2 at once, 3 under way, flow at 1/2"
    assert "strips" in smaller["plan"]
    assert (same["frames"], same["worst difference, code values"], same["share beyond 1"]) == (4, 0, 0.0)
    assert smaller["worst difference, code values"] > 1, "told, and no reason to end"
    assert 0.0 < smaller["share beyond 1"] <= 1.0
    assert failed["failed"] == "too little memory"
    assert asked == [None, "8G", "100M", "1200M"]


def test_the_default_limits_are_the_target_and_one_that_is_less_than_planned(card: None) -> None:
    options = options_of("limit")
    for size in ("448x256", "1280x720", "1920x1080", "3840x2160"):
        plans = [gpu._planned(options, size, amount) for amount in (None, *options.limits.split(","))]
        assert plans[0].batch_size >= min(SHORT_PAIRS, plans[1].batch_size)
        assert plans[-1].strips > 1 or plans[-1].batch_size < plans[0].batch_size


def test_a_limit_on_a_short_file_is_refused() -> None:
    with pytest.raises(SystemExit, match="401 or more"):
        next(gpu.limit(options_of("limit", "--frames", "247")))
