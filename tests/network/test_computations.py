"""Stages as computations of their own: the same numbers, compiled once each, and plain calls where nobody asks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.computations import Computations, computation


class Pair(NamedTuple):
    first: Any
    second: list[Any]


def add(pair: Pair, factor: Any) -> Pair:
    return Pair(pair.first + factor * pair.second[0], [pair.second[0] * factor])


def graph(x: Any, y: Any) -> Any:
    made = computation(add, Pair(x, [y]), y)
    assert isinstance(made, Pair)
    return computation(add, made, x).first


X, Y = (tf.constant(np.random.default_rng(k).random((2, 3)), tf.float32) for k in (1, 2))
SIGNATURE = [tf.TensorSpec([2, 3], tf.float32)] * 2


@pytest.fixture
def computations() -> Computations:
    return Computations("/CPU:0")


def traced(computations: Computations) -> Any:
    whole = tf.function(graph, input_signature=SIGNATURE, autograph=False)
    with computations.traced():
        whole.get_concrete_function()
    return whole


def test_they_give_what_the_stages_give(computations: Computations) -> None:
    whole = traced(computations)
    assert len(computations.functions) == 2
    computations.compile()
    assert np.allclose(whole(X, Y), graph(X, Y), rtol=1e-6)


def test_without_them_a_stage_is_called_as_it_is(computations: Computations) -> None:
    whole = tf.function(graph, input_signature=SIGNATURE, autograph=False)
    assert not any("Call" in operation.type for operation in whole.get_concrete_function().graph.get_operations())
    assert computations.functions == []
    computations.compile()


def test_a_stage_within_a_stage_is_part_of_it(computations: Computations) -> None:
    def outer(x: Any) -> Any:
        return computation(tf.square, x) + 1.0

    whole = tf.function(lambda x: computation(outer, x), input_signature=SIGNATURE[:1], autograph=False)
    with computations.traced():
        whole.get_concrete_function()
    assert len(computations.functions) == 1
    assert np.allclose(whole(X), X**2 + 1.0)


def test_all_are_compiled_before_the_first_frame_and_once(
    computations: Computations, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced(computations)
    ran: list[Any] = []
    usual = computations._run
    monkeypatch.setattr(computations, "_run", lambda function: (ran.append(function), usual(function)))
    computations.compile()
    computations.compile()
    assert sorted(map(id, ran)) == sorted(map(id, computations._alone))
    assert [function.experimental_get_compiler_ir(X, Y, Y)() is not None for function in computations.functions]


def test_what_fails_to_compile_fails_where_it_is_needed(computations: Computations) -> None:
    def impossible(x: Any) -> Any:
        # XLA has no such operation.
        return tf.strings.to_number(tf.strings.as_string(x))

    whole = tf.function(lambda x: computation(impossible, x), input_signature=SIGNATURE[:1], autograph=False)
    with computations.traced():
        whole.get_concrete_function()
    computations.compile()
    with pytest.raises(tf.errors.OpError):
        whole(X)
