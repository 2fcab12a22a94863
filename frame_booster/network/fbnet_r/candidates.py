"""FBNet-R, stage 3a: candidate motions for each pixel, and the difference of both frames along each.

A pixel whose matched motion is wrong nearly always has a neighbour whose motion is right. If the best of these nine
candidates is chosen for each frame separately, knowing the truth, the gain over matching is 2.9 dB
(docs/training/fbnet-r.md).
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_r.neighbourhood import around, at_offsets, box, flat
from frame_booster.network.fbnet_r.propagation import costs_around
from frame_booster.network.layers import Tensor
from frame_booster.network.warp import side_warp, warp_by_motion

DISTANCE = 6
"""Distance of the neighbours whose motions are candidates, px at 1/2."""
OFFSETS = [(DISTANCE * dy, DISTANCE * dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
OWN = OFFSETS.index((0, 0))
COUNT = len(OFFSETS)
WINDOW, SHARPNESS, STAY = 5, 300.0, 0.002
"""Window, sharpness and cost of another motion than the pixel's own in the prior of the choice, as in `propagation`."""


class Candidates(NamedTuple):
    """COUNT candidate motions for each pixel at 1/2, and their costs."""

    motion: Tensor
    """(B, h, w, 2) float32 px, as `matching.search` returns it; the candidates are its values at `OFFSETS`."""
    own: tuple[Tensor, Tensor]
    """Both frames warped by `motion`, (B, h, w, 3) float32."""
    costs: Tensor
    """(B, h, w, COUNT) float32, mean absolute difference of both frames warped by each candidate."""

    def prior(self) -> Tensor:
        """Returns (B, h, w, COUNT) logits of the choice by costs alone, without learned weights."""
        stay = tf.constant([0.0 if k == OWN else STAY for k in range(COUNT)])
        return -SHARPNESS * box(self.costs + stay, WINDOW)


def warp_pair(x0: Tensor, x1: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Warps x0 by flow[..., :2] and x1 by flow[..., 2:], both (B, h, w, C) by (B, h, w, 4) px."""
    return side_warp(x0, flow, 0), side_warp(x1, flow, 1)


def gather_candidates(frame0: Tensor, frame1: Tensor, motion: Tensor, t: Tensor) -> Candidates:
    """Returns the candidates of every pixel: its own motion and those around it.

    Args:
      frame0, frame1: (B, h, w, 3) float32, the frames at 1/2.
      motion: (B, h, w, 2) float32 px from `matching.search`.
      t: (B, 1, 1, 1) float32 in (0, 1).
    """
    costs = costs_around(frame0, frame1, motion, t, flat(OFFSETS))
    return Candidates(motion, (warp_by_motion(frame0, motion, t), warp_by_motion(frame1, motion, t - 1.0)), costs)


def seen_along(frame0: Tensor, frame1: Tensor, motion: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Returns both frames warped by each candidate, (B, h, w, COUNT, 3) float32, for the loss of the choice.

    Args: as `gather_candidates`.
    """
    motions = at_offsets(motion, OFFSETS)
    seen0 = tf.stack([warp_by_motion(frame0, m, t) for m in motions], -2)
    seen1 = tf.stack([warp_by_motion(frame1, m, t - 1.0) for m in motions], -2)
    return seen0, seen1


def _chosen_flow(weights: Tensor, motion: Tensor, t: Tensor, offsets: Tensor) -> Tensor:
    motions = around(tf.stop_gradient(motion), offsets)
    first, second = (tf.reduce_sum(weights[..., k : k + COUNT, None] * motions, -2) for k in (0, COUNT))
    return tf.concat([t * first, (t - 1.0) * second], -1)


chosen_flow = compiled(_chosen_flow)
"""The flow (B, h, w, 4): the mean of the candidates, weighted for each frame by (B, h, w, 2 COUNT), each half with sum
1; one loop over the pixels, in XLA."""
