"""FBNet-R, stage 1b: taking over the motion of a neighbour.

The search's large window blurs motion over the boundaries of objects; trying the neighbours' motions with a small
window puts the boundary back where it is (the propagation of PatchMatch, Barnes et al., 2009, as a soft choice).
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_r.neighbourhood import around, box, flat
from frame_booster.network.layers import Tensor
from frame_booster.network.warp import gather_warp

WINDOW, SHARPNESS = 5, 300.0
"""Of the comparison, px, and of the soft minimum over the motions."""
OWN_LESS = 0.002
"""What a neighbour's motion must be better by than the pixel's own, mean absolute difference."""


def _costs_around(first: Tensor, second: Tensor, motion: Tensor, t: Tensor, offsets: Tensor) -> Tensor:
    motions, t = around(motion, offsets), t[..., None]
    return tf.reduce_mean(tf.abs(gather_warp(first, t * motions) - gather_warp(second, (t - 1.0) * motions)), -1)


costs_around = compiled(_costs_around)
"""Mean absolute differences (B, H, W, K) of two frames along the motions at K places around each; one loop over the
pixels, in XLA. Offsets as `neighbourhood.flat`."""


def _soft_choice(cost: Tensor, sharpness: Tensor, motion: Tensor, offsets: Tensor) -> Tensor:
    weights = tf.nn.softmax(-sharpness * cost, -1)
    return tf.reduce_sum(weights[..., None] * around(motion, offsets), -2)


soft_choice = compiled(_soft_choice)
"""The mean (B, H, W, 2) of the motions at K places around each, weighed by the soft minimum of costs (B, H, W, K)."""


def propagate(first: Tensor, second: Tensor, motion: Tensor, t: Tensor, reach: int, *, corners: bool) -> Tensor:
    """Lets every pixel take over the motion of a neighbour that explains it better.

    Args:
      first, second: (B, H, W, C) float32, what is compared.
      motion: (B, H, W, 2) float32 px, as `matching.match` returns it.
      t: (B, 1, 1, 1) float32 in (0, 1).
      reach: px to the neighbours.
      corners: the four at the corners, not those at the sides. In turn they are half the work of all eight and nearly
        all of the gain.

    Returns:
      The motion after it.
    """
    places = [(reach, 0), (-reach, 0), (0, reach), (0, -reach)]
    if corners:
        places = [(reach, reach), (-reach, reach), (reach, -reach), (-reach, -reach)]
    offsets = flat([(0, 0), *places])
    own = tf.constant([0.0, *[OWN_LESS] * len(places)])
    cost = box(costs_around(first, second, motion, t, offsets) + own, WINDOW)
    return soft_choice(cost, tf.constant(SHARPNESS), motion, offsets)
