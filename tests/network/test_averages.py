"""Means over squares: those of TensorFlow's pooling, without what makes XLA count pixels while it compiles."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.averages import mean_around
from frame_booster.network.computations import Computations
from frame_booster.network.fbnet_2.network import FBNet2

SIZE = (32, 544)
"""Longer than 512 px, so that flow is compared with that of its surroundings, too."""


@pytest.mark.parametrize("size", [(1, 1), (3, 20), (17, 8), (64, 51)])
@pytest.mark.parametrize("reach", [0, 1, 2, 8, 24])
def test_as_pooling_with_same_padding(size: tuple[int, int], reach: int) -> None:
    x = np.random.default_rng(1).normal(size=(2, *size, 3)).astype(np.float32)
    expected = tf.nn.avg_pool2d(x, 2 * reach + 1, 1, "SAME")
    np.testing.assert_allclose(mean_around(tf.constant(x), reach), expected, atol=2e-6)


def test_sizes_need_not_be_known() -> None:
    function = tf.function(
        lambda x: mean_around(x, 2), input_signature=[tf.TensorSpec([None, None, None, 2])], autograph=False
    )
    x = np.random.default_rng(1).random((1, 9, 7, 2), np.float32)
    np.testing.assert_allclose(function(x), mean_around(tf.constant(x), 2), atol=1e-6)


def counted(hlo: str) -> list[str]:
    """Windows over a constant, which XLA works out for each place of a map while it compiles."""
    made = dict(re.findall(r"^\s*(?:ROOT )?%?([\w.-]+) = \S+ (.*)$", hlo, re.MULTILINE))
    windows = re.findall(r"reduce-window\((?:\S+ )?%?([\w.-]+)", hlo)
    assert made, "the text of a computation reads otherwise"
    found = []
    for name in windows:
        what = made[name]
        while (inner := re.match(r"(?:broadcast|reshape|bitcast|pad)\((?:\S+ )?%?([\w.-]+)", what)) is not None:
            what = made[inner[1]]
        if what.startswith("constant("):
            found.append(made[name])
    return found


def test_that_is_seen_in_pooling_with_same_padding() -> None:
    pooled = tf.function(lambda x: tf.nn.avg_pool2d(x, 3, 1, "SAME"), autograph=False, jit_compile=True)
    assert counted(pooled.experimental_get_compiler_ir(tf.zeros([1, 8, 8, 1]))(stage="hlo"))


def test_xla_counts_no_pixels_of_the_network() -> None:
    network, computations = FBNet2(), Computations("/CPU:0")
    frame = tf.TensorSpec([1, *SIZE, 3], tf.float32)

    def interpolated(frame0: Any, frame1: Any) -> Any:
        return network(frame0, frame1).frame

    with computations.traced():
        tf.function(interpolated, input_signature=[frame, frame], autograph=False).get_concrete_function()
    assert len(computations.functions) >= 4
    windows = 0
    for function in computations.functions:
        zeros = [tf.zeros(spec.shape, spec.dtype) for spec in function.input_signature]
        hlo = function.experimental_get_compiler_ir(*zeros)(stage="hlo")
        windows += hlo.count("reduce-window(")
        assert counted(hlo) == []
    assert windows > 10
