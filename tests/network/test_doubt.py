"""Doubt is where both warped frames differ although both show the place."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.engine.doubt import DoubtMeter
from frame_booster.engine.model import Model
from frame_booster.network.doubt import doubt_of
from frame_booster.network.prediction import Prediction


def prediction(flow: float, logit: float, size: int = 8) -> Prediction:
    moved = tf.fill([1, size, size, 2], flow)
    frame = tf.zeros([1, size, size, 3])
    return Prediction(frame, frame, [(-moved, moved)], (tf.fill([1, size, size, 1], logit),))


@pytest.mark.parametrize("t", [0.5, 0.25])
def test_a_difference_counts_where_both_frames_are_seen(t: float) -> None:
    dark, light = tf.zeros([1, 8, 8, 3]), tf.fill([1, 8, 8, 3], 0.6)
    at, even = tf.constant([t]), float(np.log(t / (1 - t)))
    both = doubt_of(dark, light, prediction(0.0, even), at)
    assert both is not None
    np.testing.assert_allclose(both, 0.6, rtol=1e-5)
    assert float(tf.reduce_max(doubt_of(dark, light, prediction(0.0, even + 9.0), at))) < 0.001
    assert float(tf.reduce_max(doubt_of(light, light, prediction(2.0, even), at))) == 0


def test_frames_are_warped_by_the_flows() -> None:
    ramp = tf.tile(tf.reshape(tf.range(8, dtype=tf.float32) / 8, [1, 8, 1, 1]), [1, 1, 8, 3])
    found = doubt_of(ramp, ramp, prediction(1.0, 0.0), tf.constant([0.5]))
    # One row down in frame 0, one up in frame 1: two rows apart, of an eighth each.
    np.testing.assert_allclose(found[0, 1:-1], 0.25, atol=1e-6)


def test_networks_without_a_mask_have_no_such_measure() -> None:
    frame = tf.zeros([1, 8, 8, 3])
    assert doubt_of(frame, frame, Prediction(frame, frame, []), tf.constant([0.5])) is None


class _Shifted:
    """A network that finds motion to what lies beyond the right edge of a picture, at a quarter of the time."""

    multiple = 16

    def __call__(self, frame0: tf.Tensor, frame1: tf.Tensor, t: tf.Tensor) -> Prediction:
        flow = tf.constant([0.0, -8.0]) * tf.ones_like(frame0[..., :1])
        mask = tf.math.log(1.0 / 3.0) * tf.ones_like(frame0[..., :1])
        return Prediction(frame0, frame0, [(flow, flow)], (mask,))


def test_the_meter_pads_pictures_by_their_edges_and_tells_the_time() -> None:
    meter = DoubtMeter(SimpleNamespace(network=_Shifted(), device="/CPU:0"))  # type: ignore[arg-type]
    for sides in ((20, 40), (40, 20), (32, 32)):
        pictures = [np.full((*sides, 3), value, np.uint8) for value in (51, 204)]
        np.testing.assert_allclose(meter.measure(*pictures, 0.25), np.full(sides, 0.6), atol=1e-5)


def test_fbnet_2_doubts_what_does_not_fit() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 255, (10, 15, 3), np.uint8).repeat(6, 0).repeat(6, 1)
    other = rng.integers(0, 255, (10, 15, 3), np.uint8).repeat(6, 0).repeat(6, 1)
    meter = DoubtMeter(Model("fbnet-2", device="cpu", precision="float32"))
    maps = [meter.measure(first, second, 0.5) for second in (first, np.roll(first, 2, 1), other)]
    assert all(one is not None and one.shape == (60, 90) and one.min() >= 0 and one.max() <= 1 for one in maps)
    same, moved, unlike = (float(one.mean()) for one in maps if one is not None)
    assert same < moved < unlike / 3
