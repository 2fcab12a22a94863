"""The warp: its contract, and that ours and tensorflow-addons' are one."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.warp import addons_warp, dense_image_warp, gather_warp, sampled


def flows(height: int, width: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    shape = (2, height, width, 2)
    return {
        "zero": np.zeros(shape, np.float32),
        "integer": rng.integers(-2, 3, shape).astype(np.float32),
        "fractional": rng.normal(0, 1.5, shape).astype(np.float32),
        "outside": rng.normal(0, 3 * max(height, width), shape).astype(np.float32),
    }


def test_moves_by_minus_flow() -> None:
    image = np.arange(20, dtype=np.float32).reshape(1, 4, 5, 1)
    down_right = np.tile(np.array([1.0, 1.0], np.float32), (1, 4, 5, 1))
    moved = gather_warp(image, down_right).numpy()
    assert np.array_equal(moved[0, 1:, 1:, 0], image[0, :-1, :-1, 0])
    assert moved[0, 0, 0, 0] == image[0, 0, 0, 0], "the border is repeated outside"


def test_half_a_pixel_is_the_mean() -> None:
    image = np.array([[[[0.0], [4.0]], [[8.0], [12.0]]]], np.float32)
    assert gather_warp(image, np.full((1, 2, 2, 2), -0.5, np.float32)).numpy()[0, 0, 0, 0] == 6.0


def test_keeps_the_dtype_and_interpolates_in_float32() -> None:
    image = tf.cast(tf.random.stateless_uniform([1, 8, 8, 3], [1, 2]), tf.bfloat16)
    assert gather_warp(image, tf.zeros([1, 8, 8, 2])).dtype == tf.bfloat16
    assert np.array_equal(gather_warp(image, tf.zeros([1, 8, 8, 2])), image)


@pytest.mark.parametrize("size", [(2, 2), (7, 9), (16, 12)])
@pytest.mark.parametrize("kind", ["zero", "integer", "fractional", "outside"])
def test_compiled_equals_op_by_op(size: tuple[int, int], kind: str) -> None:
    image = np.random.default_rng(1).random((2, *size, 3), np.float32)
    flow = flows(*size)[kind]
    np.testing.assert_allclose(dense_image_warp(image, flow), gather_warp(image, flow), atol=1e-5)


@pytest.mark.parametrize("size", [(2, 2), (7, 9), (16, 12)])
@pytest.mark.parametrize("kind", ["zero", "integer", "fractional", "outside"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_fewer_steps_give_the_same_numbers(size: tuple[int, int], kind: str, dtype: str) -> None:
    image = tf.cast(np.random.default_rng(1).random((2, *size, 3), np.float32), dtype)
    flow = flows(*size)[kind]
    assert np.array_equal(sampled(image, flow), gather_warp(image, flow))


@pytest.mark.skipif(addons_warp() is None, reason="tensorflow-addons cannot be installed on this Python")
@pytest.mark.parametrize("size", [(2, 2), (7, 9), (16, 12)])
@pytest.mark.parametrize("kind", ["zero", "integer", "fractional", "outside"])
def test_values_and_gradients_are_those_of_tensorflow_addons(size: tuple[int, int], kind: str) -> None:
    theirs_warp = addons_warp()
    assert theirs_warp is not None
    rng = np.random.default_rng(2)
    image, weight = (tf.constant(rng.random((2, *size, 3), np.float32)) for _ in range(2))
    flow = tf.constant(flows(*size)[kind])
    results = []
    for warp in (theirs_warp, gather_warp):
        with tf.GradientTape() as tape:
            tape.watch([image, flow])
            out = warp(image, flow)
            loss = tf.reduce_sum(out * weight)
        by_image, by_flow = tape.gradient(loss, [image, flow])
        results.append((out, tf.convert_to_tensor(by_image), by_flow))
    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)
