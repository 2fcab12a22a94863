"""Flow of a neighbour: it takes the halo off what moves, and leaves what fits as it is."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.fbnet_2.brightness import halved_luma
from frame_booster.network.fbnet_2.propagation import propagated
from frame_booster.network.fbnet_2.sizes import propagation_step

HEIGHT, WIDTH, STEP = 64, 96, 2
"""At 1/2."""
EDGE = 48
"""To the right of which the scene moves, columns at 1/2."""
HALO = np.s_[:, 8:-8, EDGE - 4 : EDGE - 1]
"""What stands still beside it, and is moved along."""


def texture(seed: int) -> np.ndarray:
    """(1, 2 h, 2 w, 3) without period, smooth over some px."""
    noise = tf.random.stateless_normal((1, 2 * HEIGHT, 2 * WIDTH, 3), (seed, 1)) * 0.4 + 0.5
    return np.clip(tf.nn.avg_pool2d(noise, 5, 1, "SAME").numpy(), 0.0, 1.0)


def frames(shift: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Two frames whose left part stands still, while the right one moves by twice a shift to the right, px."""
    still, moving = texture(1), texture(2)
    made = []
    for sign in (-1, 1):
        frame = np.roll(moving, sign * shift, 2)
        frame[:, :, : 2 * EDGE + sign * shift] = still[:, :, : 2 * EDGE + sign * shift]
        made.append(tf.constant(frame))
    return made[0], made[1]


def motion(shift: float, edge: int) -> np.ndarray:
    """As seen from the middle, at 1/2: right of a column all moves; with a mask that shows."""
    made = np.zeros((1, HEIGHT, WIDTH, 5), np.float32)
    made[:, :, edge:, 1], made[:, :, edge:, 3] = shift / 2.0, -shift / 2.0
    made[..., 4] = 0.25
    return made


def made_of(frame0: tf.Tensor, frame1: tf.Tensor, known: np.ndarray) -> np.ndarray:
    made: np.ndarray = propagated(halved_luma(frame0), halved_luma(frame1), tf.constant(known), STEP).numpy()
    return made


@pytest.mark.parametrize("shift", [4, 6])
def test_the_halo_stands_still_again(shift: int) -> None:
    known = motion(shift, EDGE - 4)
    made = made_of(*frames(shift), known)
    assert np.abs(made[HALO][..., :4]).mean() < 0.15 * shift / 2.0
    np.testing.assert_array_equal(made[..., 4], known[..., 4])
    np.testing.assert_array_equal(made[:, 8:-8, EDGE + 8 : -8], known[:, 8:-8, EDGE + 8 : -8])


def test_flow_that_fits_stays_to_the_bit() -> None:
    frame = texture(3)
    pair = [tf.constant(np.roll(frame, shift, 2)) for shift in (-4, 4)]
    known = motion(4, 0)
    np.testing.assert_array_equal(made_of(*pair, known)[:, :, 8:-8], known[:, :, 8:-8])


def test_where_nothing_fits_better_by_more_than_noise_flow_stays() -> None:
    rng = np.random.default_rng(4)
    frame = np.full((1, 2 * HEIGHT, 2 * WIDTH, 3), 0.5)
    pair = [tf.constant((frame + rng.normal(0.0, 1.0 / 255.0, frame.shape)).astype(np.float32)) for _ in range(2)]
    known = motion(4, EDGE)
    np.testing.assert_array_equal(made_of(*pair, known), known)


def test_a_frame_of_a_batch_does_not_see_the_others() -> None:
    pairs, known = [frames(shift) for shift in (4, 6)], [motion(shift, EDGE - 4) for shift in (4, 6)]
    joined = [tf.concat([pair[k] for pair in pairs], 0) for k in (0, 1)]
    both = made_of(*joined, np.concatenate(known))
    for k, (pair, flow) in enumerate(zip(pairs, known, strict=True)):
        np.testing.assert_allclose(both[k : k + 1], made_of(*pair, flow), atol=1e-6)


def test_neighbours_lie_farther_away_where_flow_is_coarser_up_to_a_limit() -> None:
    assert [propagation_step(downscale) for downscale in range(4)] == [2, 4, 4, 4]
