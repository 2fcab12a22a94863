"""Which plan frames are interpolated by, while memory, the compiler and other calls change it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from frame_booster.engine import batch_interpolator
from frame_booster.engine.batch_interpolator import FEW_PAIRS, BatchInterpolator, KeptMakers
from frame_booster.engine.contract import BatchFunction, LoadedNetwork
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import Plan
from frame_booster.pixels import PixelLayout, Plane, Planes

LAYOUT = PixelLayout(4, 4, "gray", 8)
FRAMES: list[Planes] = [(np.full((4, 4), 16 * k, np.uint8),) for k in range(9)]
REQUESTS = [Request(k, k + 1) for k in range(8)]


class _Facts:
    def __init__(self, any_timestep: bool) -> None:
        self.multiple, self.any_timestep, self.max_flow_downscale = 16, any_timestep, 4


class _Mean(BatchFunction):
    """The mean of both frames, by time where the network knows other times than the middle."""

    def __init__(self, model: _Network, plan: Plan) -> None:
        self.model, self.plan = model, plan

    def __call__(self, frames: Sequence[Planes], first: Any, second: Any, t: Any) -> list[Plane]:
        self.model.called(self.plan)
        if not self.model.network.any_timestep:
            t = np.full_like(t, 0.5)
        pairs = zip(first, second, t, strict=True)
        return [np.stack([np.rint((1 - at) * frames[a][0] + at * frames[b][0]).astype(np.uint8) for a, b, at in pairs])]

    def warm_up(self) -> None:
        self.model.compiles(self.plan)


class _Network(LoadedNetwork):
    """A network that tells of each call, which may fail, and of what it compiles."""

    engine, base_bytes = "stand-in", 0
    device, name, peers, provider, precision = "/GPU:0", "stand-in", (), None, "float32"

    def __init__(self, called: Callable[[Plan], None] = lambda plan: None, *, any_timestep: bool = True) -> None:
        self.called, self.network = called, _Facts(any_timestep)
        self.compiles: Callable[[Plan], None] = lambda plan: None

    def batch(self, layout: PixelLayout, plan: Plan) -> BatchFunction:
        return _Mean(self, plan)

    def stream(self, layout: PixelLayout, plan: Plan) -> None:
        return None

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, MemoryError)

    def frames_at_once(self) -> int:
        return 3

    def _none(self, *args: Any) -> Any:
        raise NotImplementedError

    strips = pictures = _none


def values(made: Sequence[Planes]) -> list[int]:
    return [int(planes[0][0, 0]) for planes in made]


def test_calls_that_meet_the_same_want_of_memory_give_up_one_step() -> None:
    both = threading.Barrier(2, timeout=10)

    def called(plan: Plan) -> None:
        if plan.batch_size == 4:
            both.wait()
            raise MemoryError

    maker = BatchInterpolator(_Network(called), LAYOUT, Plan(4, at_once=2))
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: values(maker.make(FRAMES, REQUESTS)), range(2)))
    assert made == [[16 * k + 8 for k in range(8)]] * 2
    assert maker.plan == Plan(2, at_once=2)


def test_flow_of_smaller_frames_for_want_of_memory_is_told() -> None:
    def called(plan: Plan) -> None:
        if plan.flow_downscale == 0:
            raise MemoryError

    told: list[str] = []
    layout = PixelLayout(4, 540, "gray", 8)
    frames: list[Planes] = [(np.full((540, 4), value, np.uint8),) for value in (0, 100)]
    maker = BatchInterpolator(_Network(called), layout, Plan(2, at_once=3), told.append)
    for _ in range(2):
        assert values(maker.make(frames, [Request(0, 1)])) == [50]
    assert maker.plan == Plan(1, flow_downscale=1)
    assert told == ["the device has too little memory: optical flow is estimated at half the scale"]


def test_more_calls_than_the_plan_has_at_once_wait() -> None:
    lock, running, most = threading.Lock(), [0], [0]
    others = threading.Event()

    def called(plan: Plan) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        others.wait(0.05)
        with lock:
            running[0] -= 1

    maker = BatchInterpolator(_Network(called), LAYOUT, Plan(8, at_once=2))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: maker.make(FRAMES, REQUESTS), range(6)))
    assert most == [2]


def test_runs_of_one_model_have_each_the_maker_of_its_plan() -> None:
    model, kept = _Network(), KeptMakers()
    for plan in (Plan(2), Plan(2, flow_downscale=1), Plan(2)):
        maker = BatchInterpolator(model, LAYOUT, plan, kept=kept)
        assert maker.maker.compiled.plan == plan
    assert BatchInterpolator(model, LAYOUT, Plan(2), kept=kept).maker is maker.maker, "compiled once"


def test_times_are_kept_apart_for_a_network_of_the_middle_alone() -> None:
    maker = BatchInterpolator(_Network(any_timestep=False), LAYOUT, Plan(2))
    times = [Fraction(1, 2), Fraction(1, 4), Fraction(7, 8)]
    assert values(maker.make(FRAMES, [Request(0, 8, t) for t in times])) == [64, 32, 112]


@pytest.fixture
def compiled() -> Any:
    """A network whose larger batches are compiled in a thread, when the test says so; and what says so."""
    model, go = _Network(), threading.Event()
    model.as_computations = True
    asked: list[int] = []

    def compiles(plan: Plan) -> None:
        assert go.wait(60)
        asked.append(plan.batch_size)

    def done() -> list[int]:
        go.set()
        for thread in tuple(batch_interpolator._compiling):
            thread.join(60)
        return asked

    model.compiles = compiles
    yield model, done
    done()


def test_a_short_run_takes_no_more_at_once_than_its_plan(compiled: Any) -> None:
    model, _ = compiled
    assert BatchInterpolator(model, LAYOUT, Plan(FEW_PAIRS + 1), expected=10).batch_size == FEW_PAIRS + 1


def test_what_was_too_much_while_more_was_compiled_is_not_taken_back(compiled: Any) -> None:
    model, done = compiled
    maker = BatchInterpolator(model, LAYOUT, Plan(8))
    assert maker.plan == Plan(FEW_PAIRS)

    def called(plan: Plan) -> None:
        if plan.batch_size >= FEW_PAIRS:
            raise MemoryError

    model.called = called
    maker.make(FRAMES, REQUESTS)
    assert done() == [8]
    assert maker.plan == Plan(1)


def test_files_that_follow_do_not_compile_again_what_only_few_pairs_fit(compiled: Any) -> None:
    model, done = compiled
    kept, usual = KeptMakers(), model.compiles

    def compiles(plan: Plan) -> None:
        usual(plan)
        raise MemoryError

    model.compiles = compiles
    for _ in range(2):
        maker = BatchInterpolator(model, LAYOUT, Plan(4), kept=kept)
        assert done() == [4]
        assert maker.plan == Plan(FEW_PAIRS)
