"""The middle frame as an even motion would have it.

Hands shake and things gather speed, so what a camera took in the middle lies off the middle of the way, by about a
px; neither outer frame tells by how much. A network that is trained and measured against it learns to doubt what it
has right, and is judged by what nobody can know ("velocity ambiguity": Zhong et al., Clearer Frames, Anytime, 2024).
Flow from the true middle frame to both others says how far off it is; here it is put where it would have been.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from frame_booster.network.fbnet_r.neighbourhood import box, resize
from frame_booster.network.fbnet_r.sharp import CATMULL_ROM, sharp_samples, with_curvature
from frame_booster.network.layers import Tensor
from frame_booster.network.pyramid import halve
from frame_booster.network.warp import side_warp
from frame_booster.training.metrics import to_8_bit
from frame_booster.training.sampling import flow_labels
from frame_booster.training.triplets import Triplet

WINDOW = 41
"""Side of the neighbourhood that is off by one amount, px at 1/2: a hand's shake and the speed of large things, not the
mistakes of the labels at edges."""
FURTHEST = 8.0
"""What a label may be off by, px at 1/2."""
TRUST = 20.0
"""e^-1 at a mean error of 13 code values: where a label explains nothing, it says nothing."""
USUAL = 0.5
"""Px at 1/2: places that are off by much more or less than all around count for little."""


def drift(first: Tensor, truth: Tensor, second: Tensor, labels: Tensor, t: Tensor) -> Tensor:
    """Tells how far the true frame is off where an even motion would have it.

    Args:
      first, truth, second: (B, h, w, 3) float32, the frames at 1/2.
      labels: (B, h, w, 4) float32 px of that size, from the true frame to both others, as `Batch.flows`.
      t: (B,) float32 in (0, 1), when the true frame was taken.

    Returns:
      (B, h, w, 2) float32 (dy, dx) px of that size, the same all over a neighbourhood.
    """
    t = tf.reshape(t, [-1, 1, 1, 1])
    error = tf.add_n(
        [
            tf.reduce_mean(tf.abs(side_warp(frame, labels, side) - truth), -1, keepdims=True)
            for side, frame in ((0, first), (1, second))
        ]
    )
    trust = tf.exp(-TRUST * tf.nn.avg_pool2d(error, 3, 1, "SAME")) + 1e-3
    off = tf.clip_by_value((1.0 - t) * labels[..., :2] + t * labels[..., 2:], -FURTHEST, FURTHEST)

    def around(weights: Tensor) -> Tensor:
        return box(weights * off, WINDOW) / box(weights, WINDOW)

    away = tf.norm(off - around(trust), axis=-1, keepdims=True)
    return around(trust / (1.0 + tf.square(away / USUAL)))


def evened(first: Tensor, truth: Tensor, second: Tensor, labels: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Puts the true frame where an even motion would have it.

    Args:
      first, truth, second: (B, H, W, 3) float32 RGB in [0, 1], H and W even.
      labels: (B, H, W, 4) float32 px, as `Batch.flows`.
      t: (B,) float32 in (0, 1).

    Returns:
      The frame (B, H, W, 3) and its labels (B, H, W, 4).
    """
    off = drift(halve(first), halve(truth), halve(second), 0.5 * halve(labels), t)
    off = 2.0 * resize(off, truth)
    twice = tf.concat([off, off], -1)
    samples = sharp_samples(with_curvature(truth), -twice, tf.constant(1.0), 0)
    moved = samples[..., :3] - CATMULL_ROM * samples[..., 3:]
    return tf.clip_by_value(moved, 0.0, 1.0), labels - twice


def evened_triplet(triplet: Triplet) -> Triplet:
    """Puts the truth of a triplet where an even motion would have it."""
    height, width = triplet.truth.shape[:2]
    frames = np.stack([triplet.frame0, triplet.truth, triplet.frame1])
    frames = np.pad(frames, [(0, 0), (0, height % 2), (0, width % 2), (0, 0)], "edge")
    first, truth, second = (tf.constant(frame[None], tf.float32) / 255.0 for frame in frames)
    moved, _ = evened(first, truth, second, tf.constant(flow_labels(frames)[None]), tf.constant([0.5]))
    return replace(triplet, truth=to_8_bit(moved.numpy()[0])[:height, :width])
