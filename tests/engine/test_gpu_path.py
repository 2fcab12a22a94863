"""The path of a GPU, on the processor: one computation, batches under way, few pairs while more are compiled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.engine import batch_interpolator, self_test, tensorflow_functions, tensorflow_strips
from frame_booster.engine.batch_interpolator import FEW_PAIRS, SHORT_PAIRS, BatchInterpolator, KeptMakers
from frame_booster.engine.device import as_computations
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.model import Model
from frame_booster.engine.turns import Turns
from frame_booster.network.presets import PRESETS
from frame_booster.pixels import PixelLayout, Planes
from tests.conftest import MeanModel
from tests.engine.test_contract import difference, scene

LAYOUT = PixelLayout(64, 48, "yuv", 8, 1, 1)
FRAMES = [scene(LAYOUT, 2 * k) for k in range(13)]
REQUESTS = [Request(k, k + 1) for k in range(12)]


def test_only_a_gpu_runs_computations() -> None:
    assert [as_computations(device) for device in ("/CPU:0", "/CPU:1", "/GPU:0", "/GPU:1")] == [
        False,
        False,
        True,
        True,
    ]
    assert [name for name, preset in PRESETS.items() if preset.as_computations] == ["fbnet-2"]
    assert not Model("fbnet-2", device="cpu", precision="float32").as_computations


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frame_booster.engine.model.as_computations", lambda device: True)


@lru_cache
def usual() -> list[Planes]:
    """What the processor's own path makes of the first two pairs."""
    return BatchInterpolator(Model("fbnet-2", device="cpu", precision="float32"), LAYOUT, Plan(1)).make(
        FRAMES[:3], REQUESTS[:2]
    )


def assert_compiled(maker: BatchInterpolator) -> None:
    """All that a graph has are calls of computations of XLA's, which hold their weights."""
    for function in maker.maker.compiled.functions:
        [concrete] = function._list_all_concrete_functions_for_serialization()
        assert not concrete.captured_inputs, "weights are constants: XLA lays them out once, and none is handed over"
        seen, left = set(), [output.op for output in concrete.outputs]
        while left:
            operation = left.pop()
            seen.add(operation)
            left += [given.op for given in operation.inputs if given.op not in seen]
        calls = [operation for operation in seen if operation.type not in ("Placeholder", "Identity")]
        assert {call.type for call in calls} <= {"PartitionedCall", "StatefulPartitionedCall"}
        assert all(call.get_attr("_XlaMustCompile") for call in calls)
        assert len(calls) >= 2, "a few, which are compiled at the same time"


def test_computations_give_the_same_frames(forced: None) -> None:
    model = Model("fbnet-2", device="cpu", precision="float32")
    maker = BatchInterpolator(model, LAYOUT, Plan(2))
    assert_compiled(maker)
    for made, expected in zip(maker.make(FRAMES[:3], REQUESTS[:2]), usual(), strict=True):
        assert difference(made, expected) <= 1


def test_streams_of_computations_give_the_same_frames(forced: None) -> None:
    maker = BatchInterpolator(Model("fbnet-2", device="cpu", precision="float32"), LAYOUT, Plan(1))
    assert_compiled(maker)
    for made, expected in zip(maker.make(FRAMES[:3], REQUESTS[:2]), usual(), strict=True):
        assert difference(made, expected) <= 1


def computations_in(concrete: Any) -> int:
    """How many computations of XLA's a graph calls, none of which is all of it."""
    calls = [operation for operation in concrete.graph.get_operations() if operation.type.endswith("PartitionedCall")]
    assert all(call.get_attr("_XlaMustCompile") for call in calls)
    return len(calls)


def test_pictures_and_strips_are_computations_as_well(forced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of a size or a doctor's trial waits for their compilation, which as one takes a core half a minute."""
    traced: list[Any] = []
    usual = tensorflow_functions.function

    def function(model: Any, signature: Any, computations: Any = None) -> Any:
        def decorated(body: Any) -> Any:
            traced.append(usual(model, signature, computations)(body))
            return traced[-1]

        return decorated

    for module in (tensorflow_functions, tensorflow_strips):
        monkeypatch.setattr(module, "function", function)
    model = Model("fbnet-2", device="cpu", precision="float32")
    assert self_test.difference(model) < self_test.TOLERANCE
    layout = PixelLayout(64, 640, "yuv", 8, 1, 1)
    frames = [scene(layout, 2 * k) for k in range(2)]
    strips = BatchInterpolator(model, layout, Plan(1, 0, 2))
    [made] = strips.make(frames, [Request(0, 1)])
    [whole] = BatchInterpolator(model, layout, Plan(1)).make(frames, [Request(0, 1)])
    assert difference(made, whole) <= 1
    graphs = [concrete for f in traced for concrete in f._list_all_concrete_functions_for_serialization()]
    counts = [computations_in(concrete) for concrete in graphs]
    assert len(counts) >= 3
    assert min(counts) >= 2, "finding motion and fusing a strip are each cut at what is handed on"


def whole_model() -> MeanModel:
    model = MeanModel()
    model.as_computations = True
    return model


def test_batches_under_way_give_what_they_give_one_by_one() -> None:
    maker = BatchInterpolator(whole_model(), LAYOUT, Plan(2, at_once=3))
    # As on a device of its own, whose planes are brought there first.
    maker.maker.compiled._turns._apart = True
    expected = BatchInterpolator(MeanModel(), LAYOUT, Plan(2)).make(FRAMES, REQUESTS)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda k: maker.make(FRAMES[2 * k : 2 * k + 3], REQUESTS[:2]), range(6)))
    for one, other in zip((frame for batch in made for frame in batch), expected, strict=True):
        assert difference(one, other) == 0


def test_the_next_batch_is_started_before_the_last_has_come_down() -> None:
    """Three calls are under way: each of the first two waits for its planes until the third has been started."""
    turns, started = Turns("/CPU:0"), []
    turns._apart = True
    third = threading.Event()

    class Coming:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            assert third.wait(10)
            return np.zeros(1)

    def function(planes: list[Any], number: Any) -> list[Any]:
        started.append(int(number))
        if len(started) == 3:
            third.set()
        return [Coming()]

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda k: turns.run(function, [np.zeros(1)], np.asarray(k)), range(3)))
    assert sorted(started) == [0, 1, 2]


def test_an_error_that_shows_when_planes_come_down_is_of_its_batch() -> None:
    class Failing:
        def __init__(self, fails: bool) -> None:
            self.fails = fails

        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            if self.fails:
                raise tf.errors.InternalError(None, None, "a kernel failed")
            return np.zeros(1)

    turns = Turns("/CPU:0")
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(turns.run, lambda planes, k=k: [Failing(k == 1)], []) for k in range(3)]
        errors = [call.exception() for call in calls]
    assert [error is None for error in errors] == [True, False, True]


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (tf.errors.InternalError(None, None, "Autotuning failed: RESOURCE_EXHAUSTED: Out of memory"), True),
        (tf.errors.NotFoundError(None, None, "No valid config found: out of memory"), True),
        (tf.errors.UnknownError(None, None, "Failed to allocate 1.5GiB"), True),
        (tf.errors.AbortedError(None, None, "Operation received an exception: out_of_memory"), True),
        (tf.errors.UnknownError(None, None, "Failed to get convolution algorithm"), False),
        (tf.errors.InternalError(None, None, "CUDA error: an illegal memory access was encountered"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_want_of_memory_in_the_compiler_counts_as_such(error: Exception, short: bool) -> None:
    assert MeanModel().is_out_of_memory(error) == short


class Compiler:
    """Lets the computation of many pairs be compiled when the test says so, or not at all."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, fails_above: int = 99, kind: Any = tf.errors.ResourceExhaustedError
    ) -> None:
        self.go, self.compiled = threading.Event(), []
        usual = batch_interpolator.BatchMaker.warm_up

        def warm_up(maker: Any) -> None:
            assert self.go.wait(30)
            self.compiled.append(maker.plan.batch_size)
            if maker.plan.batch_size > fails_above:
                raise kind(None, None, "it failed")
            usual(maker)

        monkeypatch.setattr(batch_interpolator.BatchMaker, "warm_up", warm_up)

    def done(self) -> None:
        self.go.set()
        for thread in tuple(batch_interpolator._compiling):
            thread.join(30)


def test_frames_flow_few_at_a_time_while_more_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler, expected = Compiler(monkeypatch), BatchInterpolator(MeanModel(), LAYOUT, Plan(2)).make(FRAMES, REQUESTS)
    maker = BatchInterpolator(whole_model(), LAYOUT, Plan(8, at_once=3))
    assert (maker.batch_size, maker.at_once) == (FEW_PAIRS, 3)
    made = maker.make(FRAMES[:5], REQUESTS[:4])
    compiler.done()
    assert maker.batch_size == 8
    made += maker.make(FRAMES[4:], REQUESTS[:8])
    assert all(difference(one, other) == 0 for one, other in zip(made, expected, strict=True))


def test_a_card_too_small_for_many_pairs_keeps_to_half(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = Compiler(monkeypatch, fails_above=4)
    maker = BatchInterpolator(whole_model(), LAYOUT, Plan(16))
    compiler.done()
    assert compiler.compiled == [16, 8, 4]
    assert maker.batch_size == 4


@pytest.mark.parametrize(("expected", "pairs"), [(399, SHORT_PAIRS), (400, FEW_PAIRS), (None, FEW_PAIRS)])
def test_a_short_run_compiles_one_size(monkeypatch: pytest.MonkeyPatch, expected: int | None, pairs: int) -> None:
    compiler = Compiler(monkeypatch)
    maker = BatchInterpolator(whole_model(), LAYOUT, Plan(8), expected=expected)
    assert maker.batch_size == pairs
    compiler.done()
    assert compiler.compiled == ([] if pairs == SHORT_PAIRS else [8])


@pytest.fixture(autouse=True)
def no_compiler_left() -> Iterator[None]:
    yield
    for thread in tuple(batch_interpolator._compiling):
        thread.join(30)


def test_files_that_follow_keep_to_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first file of a folder has found out is not found out again by each, in calls that fail."""
    compiler, model, kept = Compiler(monkeypatch, fails_above=8), whole_model(), KeptMakers()
    seen = []
    for _ in range(3):
        maker = BatchInterpolator(model, LAYOUT, Plan(16, at_once=3), kept=kept)
        compiler.done()
        seen.append(maker.plan)
    assert seen == [Plan(8, at_once=3)] * 3
    assert compiler.compiled == [16, 8]


def test_files_that_follow_keep_to_few_pairs_where_more_do_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler, model, kept = Compiler(monkeypatch, 4, tf.errors.InternalError), whole_model(), KeptMakers()
    told: list[str] = []
    for _ in range(2):
        maker = BatchInterpolator(model, LAYOUT, Plan(8), told.append, kept)
        compiler.done()
        assert maker.plan == Plan(FEW_PAIRS)
    assert compiler.compiled == [8]
    assert [text.partition(":")[0] for text in told] == [
        "a batch size of 8 failed to compile, so a smaller one is used"
    ]


def test_files_that_follow_a_want_of_memory_keep_what_was_compiled_for_it() -> None:
    model, kept, calls = whole_model(), KeptMakers(), []
    for _ in range(3):
        maker = BatchInterpolator(model, LAYOUT, Plan(2, at_once=3), kept=kept)
        usual = maker.maker.make

        def short(*given: Any, plan: Plan = maker.plan, usual: Any = usual) -> Any:
            calls.append(plan)
            if plan.batch_size > 1:
                raise tf.errors.ResourceExhaustedError(None, None, "OOM")
            return usual(*given)

        maker.maker.make = short  # type: ignore[method-assign]
        maker.make(FRAMES[:3], REQUESTS[:2])
        assert maker.plan == Plan(1, at_once=3)
    assert calls.count(Plan(2, at_once=3)) == 1


def test_fewer_at_the_same_time_are_not_compiled_again() -> None:
    model, short = MeanModel(), [True]
    maker = BatchInterpolator(model, LAYOUT, Plan(2, at_once=3))
    before, usual = maker.maker, maker.maker.compiled.functions[0]

    def once_short(*given: Any) -> Any:
        if short:
            short.pop()
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")
        return usual(*given)

    maker.maker.compiled.functions[0] = once_short
    made = maker.make(FRAMES[:3], REQUESTS[:2])
    assert (maker.plan, maker.maker) == (Plan(2), before)
    assert len(made) == 2
