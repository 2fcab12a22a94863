"""FBNet-2, stage 2, before and after 1/8: flow of the surroundings, where it fits better than a pixel's own.

Texture that repeats within some px (a row of windows, a fence) has no detail at 1/16. Flow is lost there and starts
from 0 at 1/8, where the nearest of several equal matches may be the wrong window. The motion around it is known and is
used instead. No weights. Measured in docs/decisions/0022-flow-of-the-surroundings.md.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.averages import mean_around
from frame_booster.network.fbnet_2.correlation import unit_length
from frame_booster.network.fbnet_2.flow import Motion, warped
from frame_booster.network.fbnet_2.sizes import (
    SURROUNDINGS_AWAY,
    SURROUNDINGS_FIT,
    SURROUNDINGS_GAIN,
    SURROUNDINGS_LEFT,
    SURROUNDINGS_REACHES,
    SURROUNDINGS_SHARPNESS,
    SURROUNDINGS_SPREAD,
    SURROUNDINGS_TEXTURE,
    SURROUNDINGS_WINDOW,
)
from frame_booster.network.layers import Tensor

_LEAST_WEIGHT = 1e-12


def _likeness(features0: Tensor, features1: Tensor, motion: Tensor) -> Tensor:
    """Returns the cosine (B, h, w, 1) of both frames' features, warped by a motion (B, h, w, 5)."""
    units = [unit_length(warped(features, motion, of)) for of, features in enumerate((features0, features1))]
    return tf.reduce_sum(units[0] * units[1], -1, keepdims=True)


def _within(x: Tensor, limits: tuple[float, float]) -> Tensor:
    """Returns a linear ramp of x, clamped: 0 at the first limit, 1 at the second."""
    nothing, whole = limits
    return tf.clip_by_value((x - nothing) / (whole - nothing), 0.0, 1.0)


def fitting_surroundings(known: Motion, features0: Tensor, features1: Tensor) -> Motion:
    """Replaces flow by that of its surroundings, where they move uniformly and both frames match better with it.

    Candidates are means of the flow over squares of `SURROUNDINGS_REACHES` px of the level to each side, weighted by
    texture and by how well the flow fits. A candidate replaces the flow so far to the degree to which (1) features
    warped by it match better, in the mean over a small window, (2) they match well, (3) flow within its square is
    uniform, and (4) it differs by less than a px: an object with its own motion is not an error.

    Args:
      known: the motion at 1/8.
      features0, features1: (B, h, w, C) of the level.

    Returns:
      The motion with the chosen flows.
    """
    flow, mask = known.flow, known.mask
    fits = _likeness(features0, features1, known.motion)
    features = tf.cast(features0, tf.float32)
    texture = tf.reduce_mean(tf.abs(features - mean_around(features, SURROUNDINGS_TEXTURE)), -1, keepdims=True)
    weight = texture * tf.exp(SURROUNDINGS_SHARPNESS * (fits - 1.0)) + _LEAST_WEIGHT
    weighted = tf.concat([weight, weight * flow, weight * tf.square(flow)], -1)
    best = mean_around(fits, SURROUNDINGS_WINDOW)
    for reach in SURROUNDINGS_REACHES:
        sums = mean_around(weighted, reach)
        candidate, squares = sums[..., 1:5] / sums[..., :1], sums[..., 5:] / sums[..., :1]
        spread = tf.reduce_max(squares - tf.square(candidate), -1, keepdims=True)
        spread = tf.sqrt(tf.maximum(spread, 0.0))
        fits = mean_around(_likeness(features0, features1, tf.concat([candidate, mask], -1)), SURROUNDINGS_WINDOW)
        share = tf.clip_by_value((fits - best) / (SURROUNDINGS_GAIN * (SURROUNDINGS_LEFT - best)), 0.0, 1.0)
        away = tf.reduce_max(tf.abs(candidate - flow), -1, keepdims=True)
        share *= _within(fits, SURROUNDINGS_FIT)
        share *= _within(spread, SURROUNDINGS_SPREAD) * _within(away, SURROUNDINGS_AWAY)
        flow += share * (candidate - flow)
        best = tf.maximum(best, fits)
    return Motion(tf.concat([flow, mask], -1), known.hidden)
