"""What a network returns."""

from __future__ import annotations

from typing import NamedTuple

from frame_booster.network.layers import Tensor


class Choice(NamedTuple):
    """How a frame's candidates were weighed, for the loss that teaches it."""

    weights: Tensor
    """(B, h, w, K) float32 with sum 1."""
    seen: Tensor
    """(B, h, w, K, 3) float32 RGB: the frame along each candidate."""


class Proposal(NamedTuple):
    """The coarse motion found in two ways, for the loss that teaches it."""

    described: tuple[Tensor, Tensor]
    """Descriptors of both frames, (B, h, w, C) float32 of length 1."""
    searched: Tensor
    """(B, h, w, 2) float32 px of that size, as `fbnet_r.matching.search` returns it."""
    strongest: Tensor
    """The same by descriptors."""
    logit: Tensor
    """(B, h, w, 1) float32: above 0 the second is believed."""


class Prediction(NamedTuple):
    """One batch of interpolated frames and what they were made from."""

    frame: Tensor
    """(B, H, W, 3) float32 RGB in [0, 1]."""
    unclipped: Tensor
    """The same before clipping: what losses see, so that a value out of range still has a gradient."""
    flows: list[tuple[Tensor, Tensor]]
    """Per level, coarse to fine: the flows that warp frame 0 and frame 1 to the interpolated frame,
    (B, h, w, 2) float32, (dy, dx) in px of the level; `warped(x) = frame(x - flow(x))`."""
    masks: tuple[Tensor, ...] = ()
    """For each of `flows` the logit of frame 1's share of the interpolated frame, (B, h, w, 1) float32, in networks
    that have one at every level."""
    choices: tuple[Choice, ...] = ()
    """For frame 0 and frame 1, in networks that choose among candidate motions."""
    proposal: Proposal | None = None
    """In networks that find the coarse motion in two ways."""
