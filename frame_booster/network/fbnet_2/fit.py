"""FBNet-2, between stages 2 and 3: sub-pixel refinement of the flow by one Lucas-Kanade step.

The network's flow is off by some tenths of a pixel. In fine texture the two warped frames are then misaligned, and
their blend is soft. One least-squares step per window aligns both frames at 1/2 (B. Lucas and T. Kanade, "An iterative
image registration technique", IJCAI 1981). A difference that a whole window shares is a change of light, not motion,
and does not count. No weights; training omits it unless its recipe says `refined`. Measured in
docs/decisions/0024-linear-motion.md.
"""

from __future__ import annotations

from fractions import Fraction

import tensorflow as tf

from frame_booster.network.averages import mean_around
from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_2.flow import warped
from frame_booster.network.fbnet_2.sizes import FIT_EVEN, FIT_MOST, FIT_NOISE, FIT_WINDOW
from frame_booster.network.layers import Tensor
from frame_booster.network.resample import doubled_by_gather

MOMENTS = 9
"""Number of window means: of the gradient along y and x and the difference (3), and of their products (6)."""


def _moments(luma0: Tensor, luma1: Tensor) -> Tensor:
    batch, height, width, _ = tf.unstack(tf.shape(luma0))
    both = 0.5 * (luma0 + luma1)[..., 0]
    around = tf.pad(both, [[0, 0], [1, 1], [1, 1]], "SYMMETRIC")
    down = 0.5 * (around[:, 2:, 1:-1] - around[:, :-2, 1:-1])
    right = 0.5 * (around[:, 1:-1, 2:] - around[:, 1:-1, :-2])
    change = (luma1 - luma0)[..., 0]
    products = [down * down, down * right, right * right, down * change, right * change, change * change]
    values = tf.stack([*products, down, right, change], -1)
    return tf.reduce_mean(tf.reshape(values, [batch, height // 2, 2, width // 2, 2, MOMENTS]), [2, 4])


def _step(moments: Tensor) -> Tensor:
    yy, yx, xx, yd, xd, dd, y, x, d = tf.unstack(moments, axis=-1)
    noise = FIT_EVEN + FIT_NOISE * (dd - d * d)
    yy, yx, xx, yd, xd = yy - y * y + noise, yx - y * x, xx - x * x + noise, yd - y * d, xd - x * d
    steps = tf.stack([xx * yd - yx * xd, yy * xd - yx * yd], -1) / (yy * xx - yx * yx)[..., None]
    length = tf.sqrt(tf.reduce_sum(steps * steps, -1, keepdims=True))
    return steps * (FIT_MOST / tf.maximum(length, FIT_MOST))


def _moved(motion: Tensor, step: Tensor, t: Tensor) -> Tensor:
    return motion + tf.concat([-t * step, (1.0 - t) * step, tf.zeros_like(motion[..., 4:])], -1)


moments = compiled(_moments, scale=Fraction(1, 2))
"""Computes means over 2x2 px of both frames' gradient and difference and of their products: (B, h/2, w/2, 9)."""
fitting_step = compiled(_step)
"""Solves for the remaining motion (B, h, w, 2) from frame 0 to frame 1, (dy, dx) in px, from means over windows."""
moved = compiled(_moved)


def fitted(luma0: Tensor, luma1: Tensor, motion: Tensor, t: Tensor) -> Tensor:
    """Moves flows by up to half a px to align both warped frames.

    Args:
      luma0, luma1: brightness of both frames at 1/2, (B, h, w, 1) float32; h and w even.
      motion: (B, h, w, 5) float32, as `flow.Motion`.
      t: (B, 1, 1, 1) float32 in (0, 1).

    Returns:
      The motion with refined flows.
    """
    seen = moments(warped(luma0, motion, 0), warped(luma1, motion, 1))
    step = fitting_step(mean_around(seen, FIT_WINDOW))
    made: Tensor = moved(motion, doubled_by_gather(step), t)
    return made
