"""Loss of FBNet-R's descriptors, and of its choice between search and descriptors, with motion labels."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.fbnet_r.correlation import SHARPNESS
from frame_booster.network.layers import Tensor
from frame_booster.network.prediction import Proposal
from frame_booster.network.warp import compiled_gather_warp
from frame_booster.training.losses.flow import warp_error

TRUST = 10.0
"""If both warped frames have a mean error of 25 code values over 7x7 px, the weight of the label is e^-2."""
FASTER, MOST = 0.5, 4.0
"""A position whose motion is m px at 1/8 size counts 1 + `FASTER` m times, at most `MOST` times."""
WORST = 4.0
"""Limit of the error of a motion, px at 1/8 size; larger errors count the same."""


def _grid(like: Tensor) -> Tensor:
    height, width = like.shape[1], like.shape[2]
    places = tf.meshgrid(tf.range(float(height)), tf.range(float(width)), indexing="ij")
    return tf.stack(places, -1)


def _found_again(one: Tensor, other: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """Cross entropy (B, h, w) of finding what `one` shows at `here` among all positions of `other`; the truth is
    `there`."""
    _, height, width, channels = one.shape
    places = height * width
    asked = compiled_gather_warp(one, _grid(one) - here)
    asked *= tf.math.rsqrt(tf.reduce_sum(tf.square(asked), -1, keepdims=True) + 1e-6)
    flat = [tf.reshape(x, [-1, places, channels]) for x in (asked, other)]
    logits = SHARPNESS * tf.matmul(*flat, transpose_b=True)
    y, x = (tf.reshape(there[..., k], [-1, places, 1]) for k in (0, 1))
    rows = tf.nn.relu(1.0 - tf.abs(y - tf.range(float(height))))
    columns = tf.nn.relu(1.0 - tf.abs(x - tf.range(float(width))))
    truth = tf.reshape(rows[..., :, None] * columns[..., None, :], [-1, places, places])
    return tf.reshape(-tf.reduce_sum(truth * tf.nn.log_softmax(logits, -1), -1), [-1, height, width])


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return tf.reduce_sum(weights * values) / (tf.reduce_sum(weights) + 1.0)


def trust(labels: Tensor, first: Tensor, second: Tensor, truth: Tensor) -> Tensor:
    """Returns the weight of labels, (B, H, W, 1) in [0, 1]; arguments as for `matching_error`."""
    sides = ((first, labels[..., :2]), (second, labels[..., 2:]))
    return tf.exp(-TRUST * tf.add_n([warp_error(frame, label, truth, window=7) for frame, label in sides]))


def matching_error(
    proposal: Proposal, labels: Tensor, first: Tensor, second: Tensor, truth: Tensor, t: Tensor
) -> Tensor:
    """Returns the error of the descriptors, and of the choice between the motions by search and by descriptors.

    Args:
      proposal: as in `Prediction`.
      labels: (B, H, W, 4) px, from the true frame to both others, as `Batch.flows`.
      first, second, truth: (B, H, W, 3) float32 in [0, 1].
      t: (B,) float32 in (0, 1).

    Returns:
      A scalar: half the cross entropy of finding a position of one frame among all of the other, summed over both
        directions, plus that of the choice, weighted by the difference between the errors of both motions.
    """
    described0, described1 = proposal.described
    step = labels.shape[1] // described0.shape[1]
    middle = slice(step // 2, None, step)
    motion = (labels[..., :2] - labels[..., 2:])[:, middle, middle] / float(step)
    believed = trust(labels, first, second, truth)[:, middle, middle, 0]
    times = tf.reshape(t, [-1, 1, 1, 1])
    places = _grid(described0)
    at0, at1 = places - times * motion, places + (1.0 - times) * motion
    last = tf.constant([float(side - 1) for side in described0.shape[1:3]])
    shown = tf.reduce_all([tf.reduce_all((at >= 0.0) & (at <= last), -1) for at in (at0, at1)], 0)
    length = tf.sqrt(tf.reduce_sum(tf.square(motion), -1) + 1e-12)
    weights = believed * tf.cast(shown, tf.float32) * tf.minimum(1.0 + FASTER * length, MOST)
    entropy = [_found_again(described0, described1, at0, at1), _found_again(described1, described0, at1, at0)]
    wrong = [
        tf.minimum(tf.sqrt(tf.reduce_sum(tf.square(found - motion), -1) + 1e-12), WORST)
        for found in (proposal.searched, proposal.strongest)
    ]
    better = tf.cast(wrong[1] < wrong[0], tf.float32)
    choice = tf.nn.sigmoid_cross_entropy_with_logits(better, proposal.logit[..., 0])
    return 0.5 * _mean(tf.add_n(entropy), weights) + _mean(tf.abs(wrong[0] - wrong[1]) * choice, believed)
