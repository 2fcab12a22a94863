"""What a training graph runs in place of a loop has the same values, and the gradients of automatic differentiation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.compiling import training_graph
from frame_booster.network.fbnet_2.blend import blend, blended, frame_warped
from frame_booster.network.fbnet_2.correlation import correlation_within
from frame_booster.network.fbnet_2.flow import warped
from frame_booster.network.layers import leaky_relu
from frame_booster.network.resample import doubled
from frame_booster.network.warp import dense_image_warp, frame_warp, gather_warp

rng = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def eagerly() -> Iterator[None]:
    """Nothing is compiled, which takes longer than all that is computed here."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def values_and_gradients(function: Callable[..., Any], inputs: list[Any], of: list[int]) -> list[Any]:
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        made = function(*inputs)
        loss = tf.reduce_sum(made * made * tf.cos(made))
    return [made, *tape.gradient(loss, [inputs[k] for k in of])]


@pytest.mark.parametrize(
    ("function", "shapes", "of"),
    [
        (correlation_within(1), [(2, 5, 4, 3), (2, 5, 4, 3)], [0, 1]),
        (correlation_within(4), [(2, 7, 5, 8), (2, 7, 5, 8)], [0, 1]),
        (lambda x: leaky_relu(x, 0.2), [(2, 3, 4, 5)], [0]),
        (dense_image_warp, [(2, 8, 6, 5), (2, 8, 6, 2)], [0, 1]),
        (dense_image_warp, [(2, 2, 2, 3), (2, 2, 2, 2)], [0, 1]),
        (doubled, [(2, 3, 4, 5)], [0]),
        (doubled, [(2, 1, 2, 5)], [0]),
        (lambda frame, motion: frame_warped(frame, motion, 0, "float32"), [(2, 8, 6, 3), (2, 8, 6, 5)], [1]),
        (lambda frame, motion: frame_warped(frame, motion, 1, "float32"), [(2, 8, 6, 3), (2, 8, 6, 5)], [1]),
        (lambda features, motion: warped(features, motion, 0), [(2, 8, 6, 4), (2, 8, 6, 5)], [0, 1]),
        (lambda features, motion: warped(features, motion, 1), [(2, 8, 6, 4), (2, 8, 6, 5)], [0, 1]),
        (blend, [(2, 8, 6, 3), (2, 8, 6, 3), (2, 8, 6, 5)], [2]),
        (blended, [(2, 8, 6, 3), (2, 8, 6, 3), (2, 8, 6, 5), (2, 8, 6, 8)], [2, 3]),
    ],
    ids=[
        "correlation 1",
        "correlation 4",
        "leaky_relu",
        "dense_image_warp",
        "dense_image_warp of 2x2",
        "doubled",
        "doubled row",
        "first_warped",
        "second_warped",
        "first features",
        "second features",
        "blend",
        "blended",
    ],
)
def test_values_and_gradients_are_those_of_the_loop(
    function: Callable[..., Any], shapes: list[tuple[int, ...]], of: list[int]
) -> None:
    # Flows of 2 px on frames of 8 leave them often, where a gradient must be 0.
    inputs = [tf.constant(2 * rng.normal(size=shape), tf.float32) for shape in shapes]
    plain = values_and_gradients(function, inputs, of)
    with training_graph():
        trained = values_and_gradients(function, inputs, of)
    for one, other in zip(plain, trained, strict=True):
        assert float(tf.norm(one)) > 0
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)


def test_a_flow_of_zero_can_be_learnt_and_frames_have_no_gradient() -> None:
    image = tf.constant(rng.random((1, 6, 6, 3)), tf.float32)
    wanted = gather_warp(image, tf.fill([1, 6, 6, 2], 0.3))
    flow = tf.zeros([1, 6, 6, 2])
    with tf.GradientTape() as tape:
        tape.watch([image, flow])
        loss = tf.reduce_sum(tf.square(frame_warp(image, flow) - wanted))
    of_image, of_flow = tape.gradient(loss, [image, flow])
    assert of_image is None
    inner = of_flow[:, 1:-1, 1:-1]
    assert float(tf.reduce_mean(tf.cast(inner != 0, tf.float32))) == 1.0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_has_the_gradients_of_float32_in_its_own_dtype(dtype: str) -> None:
    features = tf.cast(tf.constant(rng.normal(size=(2, 8, 6, 16)), tf.float32), dtype)
    flow = tf.constant(2 * rng.normal(size=(2, 8, 6, 2)), tf.float32)
    found = []
    for image in (features, tf.cast(features, tf.float32)):
        with training_graph(), tf.GradientTape() as tape:
            tape.watch([image, flow])
            loss = tf.reduce_sum(tf.cast(leaky_relu(dense_image_warp(image, flow), 0.2), tf.float32))
        found.append(tape.gradient(loss, [image, flow]))
        assert [gradient.dtype for gradient in found[-1]] == [image.dtype, tf.float32]
    for half, whole in zip(*found, strict=True):
        largest = float(tf.reduce_max(tf.abs(whole)))
        np.testing.assert_allclose(tf.cast(half, tf.float32), whole, rtol=0.02, atol=0.01 * largest)


def test_features_that_do_not_move_can_be_learnt_to() -> None:
    features = tf.constant(rng.random((1, 6, 6, 16)), tf.float32)
    with training_graph(), tf.GradientTape() as tape:
        tape.watch(flow := tf.zeros([1, 6, 6, 2]))
        loss = tf.reduce_sum(tf.square(dense_image_warp(features, flow) - gather_warp(features, flow + 0.3)))
    inner = tape.gradient(loss, flow)[:, 1:-1, 1:-1]
    assert float(tf.reduce_mean(tf.cast(inner != 0, tf.float32))) == 1.0


def test_gradients_of_features_are_summed_in_float32() -> None:
    """What many places ask of one pixel is added up: in bfloat16 small parts are lost, and older cards are slow."""
    tf.config.run_functions_eagerly(False)

    @tf.function(autograph=False, jit_compile=True)
    def gradient(features: Any, motion: Any) -> Any:
        with training_graph(inlined=True), tf.GradientTape() as tape:
            tape.watch(features)
            made = tf.reduce_sum(tf.square(tf.cast(warped(features, motion, 0), tf.float32)))
        return tape.gradient(made, features)

    inputs = tf.zeros([1, 8, 8, 4], tf.bfloat16), tf.zeros([1, 8, 8, 5])
    hlo = gradient.experimental_get_compiler_ir(*inputs)(stage="hlo")
    assert " scatter(" in hlo
    assert not re.findall(r"bf16\[[\d,]*\]\S* scatter\(", hlo)
