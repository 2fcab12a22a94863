"""The end of fusion where it runs: one linear motion, and brightness sampled as by Catmull-Rom's spline."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.fbnet_2.fusion import OUTPUTS
from frame_booster.network.fbnet_2.linear_motion import blended_by_linear_motion
from frame_booster.network.fbnet_2.sizes import RESIDUAL
from tests.conftest import picture

HEIGHT, WIDTH = 32, 48
NOTHING = tf.zeros([1, HEIGHT, WIDTH, OUTPUTS])


def times(t: float) -> tf.Tensor:
    return tf.fill([1, 1, 1, 1], t)


def even_motion(dy: float, dx: float, t: float, mask: float = 0.0) -> tf.Tensor:
    flows = [t * dy, t * dx, -(1.0 - t) * dy, -(1.0 - t) * dx, mask]
    return tf.fill([1, HEIGHT, WIDTH, 5], 0.0) + tf.constant(flows)


def spline(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Catmull-Rom's spline through rows (h, w) at places (w,), which are inside by two px."""
    low = np.floor(places).astype(int)
    u = places - low
    before, first, second, after = (rows[:, low + k] for k in (-1, 0, 1, 2))
    slope0, slope1 = (second - before) / 2, (after - first) / 2
    return (  # Hermite's polynomials.
        (2 * u**3 - 3 * u**2 + 1) * first
        + (u**3 - 2 * u**2 + u) * slope0
        + (3 * u**2 - 2 * u**3) * second
        + (u**3 - u**2) * slope1
    )


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize(
    ("t", "mask", "step"), [(0.5, 0.0, 1.0), (0.5, 2.0, 2.6), (0.25, -40.0, 1.4), (0.25, 40.0, 1.4)]
)
def test_along_an_axis_it_is_the_spline(axis: str, t: float, mask: float, step: float) -> None:
    grey = np.random.default_rng(1).random((2, HEIGHT, HEIGHT)).astype(np.float64)
    pair = [tf.constant(np.repeat((x if axis == "x" else x.T)[None, ..., None], 3, -1), tf.float32) for x in grey]
    flow = even_motion(0.0, step, t, mask) if axis == "x" else even_motion(step, 0.0, t, mask)
    made, _ = blended_by_linear_motion(*pair, flow[:, :, :HEIGHT], NOTHING[:, :, :HEIGHT], times(t))
    inside = np.arange(6, HEIGHT - 6)
    share = 1.0 / (1.0 + np.exp(-mask))
    expected = (1.0 - share) * spline(grey[0], inside - t * step) + share * spline(grey[1], inside + (1.0 - t) * step)
    seen = made.numpy()[0, ..., 0]
    np.testing.assert_allclose(seen[:, inside] if axis == "x" else seen.T[:, inside], expected, atol=2e-5)


def test_a_fine_pattern_keeps_its_contrast() -> None:
    """Half-way between pixels bilinear sampling takes a fifth off a wave of 5 px, the spline a twentieth."""
    x = np.arange(WIDTH)
    waves = [np.sin(2 * np.pi * (x - shift) / 5.0) * 0.4 + 0.5 for shift in (0.0, 1.0, 0.5)]
    first, second, right = (np.broadcast_to(wave[None, None, :, None], (1, HEIGHT, WIDTH, 3)) for wave in waves)
    frames = [tf.constant(frame, tf.float32) for frame in (first, second)]
    made, _ = blended_by_linear_motion(*frames, even_motion(0.0, 1.0, 0.5), NOTHING, times(0.5))
    softly = (first[:, :, 4:-4] + np.roll(first, 1, 2)[:, :, 4:-4]) / 2.0
    error, soft = (np.abs(frame - right[:, :, 4:-4]).mean() for frame in (made.numpy()[:, :, 4:-4], softly))
    assert error < 0.4 * soft


@pytest.mark.parametrize("t", [0.5, 0.3])
def test_the_flows_are_those_of_one_motion(t: float) -> None:
    rng = np.random.default_rng(2)
    known = tf.constant(rng.normal(0.0, 3.0, (1, HEIGHT, WIDTH, 5)), tf.float32)
    out = tf.constant(rng.normal(0.0, 0.5, (1, HEIGHT, WIDTH, OUTPUTS)), tf.float32)
    frame = tf.constant(picture(0, WIDTH, HEIGHT)[None], tf.float32)
    _, motion = blended_by_linear_motion(frame, frame, known, out, times(t))
    corrected = (known + 2.0 * out[..., :5]).numpy()
    step = corrected[..., 2:4] - corrected[..., :2]
    np.testing.assert_allclose(motion[..., :2], -t * step, atol=1e-5)
    np.testing.assert_allclose(motion[..., 2:4], (1.0 - t) * step, atol=1e-5)
    np.testing.assert_allclose(motion[..., 4], corrected[..., 4], atol=1e-5)


def test_what_does_not_move_is_the_blend_to_the_bit_and_the_residual_is_added() -> None:
    first, second = (tf.constant(picture(k, WIDTH, HEIGHT)[None], tf.float32) for k in (0, 5))
    made, _ = blended_by_linear_motion(first, second, even_motion(0.0, 0.0, 0.5), NOTHING, times(0.5))
    np.testing.assert_allclose(made, (first + second) / 2.0, atol=1e-7)
    out = tf.concat([NOTHING[..., :5], tf.ones([1, HEIGHT, WIDTH, 3])], -1)
    more, _ = blended_by_linear_motion(first, second, even_motion(0.0, 0.0, 0.5), out, times(0.5))
    np.testing.assert_allclose(more - made, 0.1 * RESIDUAL, atol=1e-6)
