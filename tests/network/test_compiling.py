"""Loops that XLA compiles: any shape, plainly, ahead of use."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network import compiling
from frame_booster.network.compiling import compiled, compiling_ahead, plain_operations, prepare_ahead
from frame_booster.network.resample import doubled, doubled_by_gather


def _scaled(x: Any, by: Any, how: str) -> Any:
    return x * by if how == "times" else x + by


class _AtOnce(ThreadPoolExecutor):
    """Has done what it is given before it returns."""

    def submit(self, fn: Any, /, *args: Any, **named: Any) -> Any:
        future = super().submit(fn, *args, **named)
        wait([future])
        return future


def test_it_is_traced_once_for_all_sizes_and_keeps_what_is_known_of_the_shape() -> None:
    traces = []

    def loop(x: Any, by: Any, how: str) -> Any:
        traces.append(how)
        return _scaled(x, by, how)

    fused = compiled(loop)
    for height in (4, 6, 8):
        x = np.full((2, height, 5, 3), 2.0, np.float32)
        made = tf.function(lambda v: fused(v, tf.constant([[[[3.0]]]]), "times"), autograph=False)
        assert made.get_concrete_function(tf.TensorSpec(x.shape)).output_shapes == x.shape
        np.testing.assert_array_equal(made(x), 6.0)
        np.testing.assert_array_equal(fused(x, tf.constant([[[[3.0]]]]), "plus"), 5.0)
    assert sorted(traces) == ["plus", "times"]


def test_plain_operations_give_the_same_and_leave_no_loop() -> None:
    fused = compiled(_scaled)
    x = tf.constant(np.random.default_rng(1).random((1, 4, 4, 2), np.float32))
    with plain_operations():
        plain = tf.function(lambda v: fused(v, v, "times"), autograph=False).get_concrete_function(x)
    assert not any("Call" in operation.type for operation in plain.graph.get_operations())
    loop = tf.function(lambda v: fused(v, v, "times"), autograph=False).get_concrete_function(x)
    assert any("Call" in operation.type for operation in loop.graph.get_operations())
    np.testing.assert_array_equal(plain(x), loop(x))


def test_loops_are_run_ahead_once_a_shape_and_not_when_they_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[int, ...]] = []
    monkeypatch.setattr(compiling._Ahead, "_run", lambda self, loop, specs: ran.append(tuple(specs[0][0])))
    monkeypatch.setattr(compiling, "AHEAD_BYTES", 4 * 2 * 1000)
    monkeypatch.setattr(compiling, "ThreadPoolExecutor", _AtOnce)
    fused = compiled(_scaled)

    def graph(v: Any) -> Any:
        small = v[:, :8, :8]
        return fused(v, v, "times")[:, :8, :8] + fused(small, small, "times") + fused(small + 1.0, small, "times")

    with compiling_ahead("/CPU:0"):
        tf.function(graph, autograph=False).get_concrete_function(tf.TensorSpec([1, 64, 64, 1]))
    assert ran == [(1, 8, 8, 1)]


@pytest.mark.parametrize(("device", "loops"), [("/CPU:0", 1), ("/GPU:0", 2)])
def test_small_maps_are_not_worth_a_loop_on_a_processor(
    monkeypatch: pytest.MonkeyPatch, device: str, loops: int
) -> None:
    monkeypatch.setattr(compiling._Ahead, "_run", lambda self, loop, specs: None)
    fused = compiled(_scaled, least_pixels=64)
    x = tf.constant(np.random.default_rng(1).random((3, 8, 8, 2), np.float32))

    def graph(v: Any) -> tuple[Any, Any]:
        # A batch of three: what counts is one map of it, so that a batch and a single frame go the same way.
        return fused(v, v, "times"), fused(v[:, 1:], v[:, 1:], "times")

    with compiling_ahead(device):
        made = tf.function(graph, autograph=False).get_concrete_function(x)
    graph_def = made.graph.as_graph_def()
    of_xla = {one.signature.name for one in graph_def.library.function if one.attr["_XlaMustCompile"].b}
    assert sum(node.attr["f"].func.name in of_xla for node in graph_def.node) == loops
    large, small = made(x)
    np.testing.assert_array_equal(large, x * x)
    np.testing.assert_array_equal(small, (x * x)[:, 1:])


def test_what_fails_ahead_is_told_by_the_graph_that_needs_it() -> None:
    def broken(x: Any) -> Any:
        # XLA has no such operation, which only compiling finds out.
        return tf.strings.length(tf.strings.as_string(x)) + tf.zeros_like(x, tf.int32)

    with compiling_ahead("/CPU:0"):
        graph = tf.function(compiled(broken), autograph=False).get_concrete_function(tf.TensorSpec([1, 4, 4, 1]))
    with pytest.raises(tf.errors.OpError):
        graph(tf.zeros([1, 4, 4, 1]))


def test_one_trace_serves_all_numbers_of_channels() -> None:
    traces = []

    def loop(x: Any) -> Any:
        traces.append(x.shape.as_list())
        return x * 2.0

    fused = compiled(loop, any_channels=True)
    for channels in (3, 16):
        made = tf.function(lambda v: fused(v), autograph=False)
        x = np.ones((1, 4, 5, channels), np.float32)
        assert made.get_concrete_function(tf.TensorSpec(x.shape)).output_shapes == x.shape
        np.testing.assert_array_equal(made(x), 2.0)
    assert traces == [[None] * 4]


def test_a_function_is_made_ready_on_zeros_unless_its_arguments_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "ThreadPoolExecutor", _AtOnce)
    monkeypatch.setattr(compiling, "AHEAD_BYTES", 16 * 4 * 100)
    ran: list[tuple[int, ...]] = []

    def function(pair: list[Any]) -> None:
        assert not any(np.any(part) for part in pair)
        ran.append(tuple(pair[0].shape))

    specs = [tf.TensorSpec([1, side]) for side in (40, 60)]
    prepare_ahead(function, [[specs[0], specs[0]]])
    with compiling_ahead("/CPU:0"):
        prepare_ahead(function, [[specs[0], specs[0]]])
        prepare_ahead(function, [[specs[1], specs[1]]])
    assert ran == [(1, 40)]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("height", "width"), [(5, 7), (2, 4)])
@pytest.mark.parametrize("doubled", [doubled, doubled_by_gather])
def test_doubled_maps_are_those_of_tensorflow(
    doubled: Callable[[Any], Any], height: int, width: int, dtype: str
) -> None:
    x = tf.cast(tf.random.stateless_normal([2, height, width, 3], [1, 2]), dtype)
    expected = tf.image.resize(x, [2 * height, 2 * width], "bilinear")
    made = doubled(x)
    assert made.dtype == x.dtype
    np.testing.assert_allclose(tf.cast(made, tf.float32), tf.cast(tf.cast(expected, dtype), tf.float32), atol=1e-6)
    with plain_operations():
        np.testing.assert_array_equal(tf.cast(doubled(x), tf.float32), tf.cast(tf.cast(expected, dtype), tf.float32))
