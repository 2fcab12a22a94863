"""Losses: least at the truth, finite there, and rewarding what they are to teach."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.prediction import Choice
from frame_booster.training.losses.choice import choice_error
from frame_booster.training.losses.flow import flow_supervision
from frame_booster.training.losses.reconstruction import LOSSES, published
from tests.conftest import picture


def test_published_loss_is_the_published_formula() -> None:
    rng = np.random.default_rng(1)
    a, b = (tf.constant(rng.random((2, 16, 16, 3), np.float32)) for _ in range(2))
    d = (a - b).numpy()
    expected = (
        (1 - tf.image.ssim(a, b, 1.0).numpy())
        + (1 - tf.image.psnr(a, b, 1.0).numpy() / 40)
        + 5 * np.abs(d).mean((1, 2, 3))
        + 10 * (d**2).mean((1, 2, 3))
    )
    np.testing.assert_allclose(published(a, b), expected, rtol=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_least_at_the_truth_and_finite_there(name: str) -> None:
    truth = tf.constant(picture(0, 32, 32)[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(truth)
        at_truth = LOSSES[name](truth, tf.stop_gradient(truth))
    assert np.isfinite(tape.gradient(at_truth, truth).numpy()).all()
    assert float(at_truth[0]) < float(LOSSES[name](truth + 0.05, truth)[0])
    assert float(LOSSES[name](truth + 0.05 * tf.sign(truth - 0.5), truth)[0]) > float(at_truth[0])


def test_flow_supervision_rewards_the_true_flow() -> None:
    frames = np.stack([picture(k, 64, 48) for k in (0, 2, 4)]).astype(np.float32)
    labels = np.empty((1, 48, 64, 4), np.float32)
    labels[..., :2], labels[..., 2:] = (1.0, 3.0), (-1.0, -3.0)
    first, truth, second = (tf.constant(frame[None]) for frame in frames)

    def distance(scale: float) -> float:
        flow = tf.constant(labels * scale)
        return float(flow_supervision([(flow[..., :2], flow[..., 2:])], tf.constant(labels), first, second, truth)[0])

    assert distance(0.0) > 1.0
    assert distance(0.0) > distance(0.5) > distance(1.0) - 1e-6


def test_choice_error_rewards_the_candidate_that_shows_the_truth() -> None:
    frames = [tf.constant(picture(k, 32, 32)[None], tf.float32) for k in (0, 1, 4)]
    halved = [tf.nn.avg_pool2d(frame, 2, 2, "VALID") for frame in frames]
    seen = tf.stack(halved, -2)

    def error(*odds: float) -> float:
        weights = tf.broadcast_to(tf.constant(odds), [1, 16, 16, 3])
        return float(choice_error((Choice(weights, seen),), frames[1])[0])

    assert error(0.0, 1.0, 0.0) == pytest.approx(0.0, abs=1e-7)
    assert error(0.0, 0.5, 0.5) == pytest.approx(0.5 * error(0.0, 0.0, 1.0))
    assert error(0.0, 0.0, 1.0) > error(1.0, 0.0, 0.0) > 0.01
