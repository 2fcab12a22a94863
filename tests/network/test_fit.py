"""Flow fitted to both frames: it finds parts of a pixel, and nothing where there is no motion to find."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.fbnet_2.fit import fitted
from frame_booster.network.fbnet_2.sizes import FIT_MOST

HEIGHT, WIDTH = 48, 64
INSIDE = np.s_[:, 8:-8, 8:-8]


def brightness(dy: float, dx: float, seed: int = 1) -> tf.Tensor:
    """Waves (1, h, w, 1) in many directions, moved by parts of a px without sampling anything."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    made = np.full((HEIGHT, WIDTH), 0.5)
    for _ in range(12):
        down, right = rng.uniform(-0.7, 0.7, 2)
        made += 0.04 * np.sin(down * (y - dy) + right * (x - dx) + rng.uniform(0, 6.28))
    return tf.constant(made[None, ..., None], tf.float32)


def times(t: float) -> tf.Tensor:
    return tf.fill([1, 1, 1, 1], t)


def motion(dy: float, dx: float, t: float, mask: float = 0.5) -> np.ndarray:
    """The flows (1, h, w, 5) from t of what moves by (dy, dx) from frame 0 to frame 1, px: against the motion."""
    made = np.zeros((1, HEIGHT, WIDTH, 5), np.float32)
    made[..., :4] = [t * dy, t * dx, -(1.0 - t) * dy, -(1.0 - t) * dx]
    made[..., 4] = mask
    return made


@pytest.mark.parametrize(("t", "wrong"), [(0.5, (0.3, -0.2)), (0.25, (-0.25, 0.3))])
def test_parts_of_a_pixel_are_found(t: float, wrong: tuple[float, float]) -> None:
    pair = brightness(0.0, 0.0), brightness(1.4, -2.3)
    right, known = motion(1.4, -2.3, t), motion(1.4 + wrong[0], -2.3 + wrong[1], t)
    made = fitted(*pair, tf.constant(known), times(t)).numpy()
    before, after = (np.abs(x - right)[INSIDE].mean((0, 1, 2))[:4] for x in (known, made))
    assert (after < 0.35 * before).all()
    np.testing.assert_array_equal(made[..., 4], known[..., 4])


def test_what_is_moved_is_the_motion_and_not_the_picture() -> None:
    """Both flows move in proportion to their time, so that what they show together stays where it is."""
    t, rng = 0.3, np.random.default_rng(2)
    known = (motion(1.0, 1.0, t) + rng.normal(0.0, 0.2, (1, HEIGHT, WIDTH, 5))).astype(np.float32)
    made = fitted(brightness(0.0, 0.0), brightness(1.0, 1.2), tf.constant(known), times(t)).numpy()
    shift = [(1.0 - t) * x[..., :2] + t * x[..., 2:4] for x in (known, made)]
    np.testing.assert_allclose(shift[1], shift[0], atol=1e-5)
    assert np.abs(made - known).max() > 0.05


def test_other_light_is_no_motion() -> None:
    known = motion(1.0, -2.0, 0.5)
    made = fitted(brightness(0.0, 0.0), brightness(1.0, -2.0) + 0.1, tf.constant(known), times(0.5)).numpy()
    assert np.abs(made - known)[INSIDE].mean() < 0.02


def test_where_nothing_is_seen_flow_stays_to_the_bit() -> None:
    flat, known = tf.fill([1, HEIGHT, WIDTH, 1], 0.5), motion(3.0, 5.0, 0.5)
    np.testing.assert_array_equal(fitted(flat, flat + 0.1, tf.constant(known), times(0.5)).numpy(), known)


def test_no_more_than_half_a_pixel_and_no_number_is_lost() -> None:
    rng, t = np.random.default_rng(3), 0.5
    pair = [tf.constant(rng.choice([0.0, 1.0], (1, HEIGHT, WIDTH, 1)), tf.float32) for _ in range(2)]
    known = motion(0.0, 0.0, t)
    made = fitted(*pair, tf.constant(known), times(t)).numpy()
    step = made[..., 2:4] - made[..., :2]
    assert np.isfinite(made).all()
    assert 0.3 < np.linalg.norm(step, axis=-1).max() <= FIT_MOST + 1e-5


def test_a_frame_of_a_batch_does_not_see_the_others() -> None:
    pairs = [(brightness(0.0, 0.0, seed), brightness(0.4, 0.2, seed)) for seed in (4, 5)]
    known, t = tf.constant(motion(0.3, 0.3, 0.5)), times(0.5)
    joined = [tf.concat([pair[k] for pair in pairs], 0) for k in (0, 1)]
    both = fitted(*joined, tf.tile(known, [2, 1, 1, 1]), tf.tile(t, [2, 1, 1, 1])).numpy()
    for k, pair in enumerate(pairs):
        np.testing.assert_allclose(both[k : k + 1], fitted(*pair, known, t).numpy(), atol=1e-6)
