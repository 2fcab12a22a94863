"""What stands still is the plain blend of both frames to the bit, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.fbnet_2.sizes import STILL_REACH
from frame_booster.network.fbnet_2.stillness import held_still
from tests.conftest import picture
from tests.network.test_fbnet_2 import network


def test_a_still_picture_around_moving_ones_is_blended() -> None:
    first = tf.constant(picture(0, 96, 64)[None], tf.float32)
    moved = np.zeros((1, 64, 96, 3), np.float32)
    moved[:, 40:44, 60:64] = 0.5
    second = tf.constant(np.abs(first.numpy() - moved))
    made = tf.fill([1, 64, 96, 3], 0.25)

    frame = held_still(first, second, made, tf.reshape(tf.constant(0.3), [1, 1, 1, 1])).numpy()

    changed = np.zeros((64, 96), bool)
    reach = STILL_REACH // 2 * 2
    changed[40 - reach : 44 + reach, 60 - reach : 64 + reach] = True
    np.testing.assert_array_equal(frame[0][changed], 0.25)
    np.testing.assert_allclose(frame[0][~changed], first.numpy()[0][~changed], atol=1e-7)


@pytest.mark.parametrize(("change", "share"), [(0, 1.0), (3, 1.0), (5.5, 0.5), (8, 0.0), (40, 0.0)])
def test_the_share_of_the_blend_follows_the_change(change: float, share: float) -> None:
    first = tf.fill([1, 32, 32, 3], 0.5)
    second = first + change / 255.0
    made = tf.zeros_like(first)

    frame = held_still(first, second, made, tf.fill([1, 1, 1, 1], 0.25)).numpy()

    np.testing.assert_allclose(frame, share * (0.5 + 0.25 * change / 255.0), atol=1e-4)


def test_the_network_gives_back_a_picture_that_stands_still() -> None:
    first = tf.constant(picture(0, 96, 64)[None], tf.float32)

    net, time = network(), tf.constant([0.5])
    frame = net(first, first, time).frame.numpy()

    moving = net(first, 1.0 - first, time).frame.numpy()
    assert np.abs(moving - 0.5).max() > 0.01, "these weights blend whatever they see"
    np.testing.assert_allclose(frame, first.numpy(), atol=1e-7)
