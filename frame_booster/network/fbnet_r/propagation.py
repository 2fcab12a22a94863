"""FBNet-R, stage 1b: propagation: each pixel may take the motion of a neighbour.

The large window of the search blurs motion across the boundaries of objects. Comparing the motions of neighbours with a
small window restores the boundaries (the propagation of PatchMatch, Barnes et al., 2009, as a soft choice).
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_r.neighbourhood import around, box, flat
from frame_booster.network.layers import Tensor
from frame_booster.network.warp import gather_warp

WINDOW, SHARPNESS = 5, 300.0
"""Side of the compared window, px, and sharpness of the soft minimum over the motions."""
OWN_LESS = 0.002
"""Additional cost of a neighbour's motion, in mean absolute difference."""


def _costs_around(first: Tensor, second: Tensor, motion: Tensor, t: Tensor, offsets: Tensor) -> Tensor:
    motions, t = around(motion, offsets), t[..., None]
    return tf.reduce_mean(tf.abs(gather_warp(first, t * motions) - gather_warp(second, (t - 1.0) * motions)), -1)


costs_around = compiled(_costs_around)
"""Mean absolute differences (B, H, W, K) of two frames warped by the motions at K offsets around each pixel; one loop
over the pixels, in XLA. Offsets are from `neighbourhood.flat`."""


def _soft_choice(cost: Tensor, sharpness: Tensor, motion: Tensor, offsets: Tensor) -> Tensor:
    weights = tf.nn.softmax(-sharpness * cost, -1)
    return tf.reduce_sum(weights[..., None] * around(motion, offsets), -2)


soft_choice = compiled(_soft_choice)
"""The soft minimum (B, H, W, 2): the mean of the motions at K offsets, weighted by their costs (B, H, W, K)."""


def propagate(first: Tensor, second: Tensor, motion: Tensor, t: Tensor, reach: int, *, corners: bool) -> Tensor:
    """Replaces the motion of each pixel by that of a neighbour if both frames agree better along it.

    Args:
      first, second: (B, H, W, C) float32, the features that are compared.
      motion: (B, H, W, 2) float32 px, as `matching.search` returns it.
      t: (B, 1, 1, 1) float32 in (0, 1).
      reach: distance of the neighbours, px.
      corners: whether to use the four neighbours at the corners instead of those at the sides. Using them in turn is
        half the work of all eight, with nearly all of the gain.

    Returns:
      The new motion, (B, H, W, 2) float32 px.
    """
    places = [(reach, 0), (-reach, 0), (0, reach), (0, -reach)]
    if corners:
        places = [(reach, reach), (-reach, reach), (reach, -reach), (-reach, -reach)]
    offsets = flat([(0, 0), *places])
    own = tf.constant([0.0, *[OWN_LESS] * len(places)])
    cost = box(costs_around(first, second, motion, t, offsets) + own, WINDOW)
    return soft_choice(cost, tf.constant(SHARPNESS), motion, offsets)
