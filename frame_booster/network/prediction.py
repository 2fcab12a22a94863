"""The output of a network: the interpolated frame, with flows and masks for losses and plots."""

from __future__ import annotations

from typing import NamedTuple

from frame_booster.network.layers import Tensor


class Choice(NamedTuple):
    """Weights of candidate motions and the frames along them, for the loss of the choice."""

    weights: Tensor
    """Weight of each candidate, (B, h, w, K) float32, with sum 1."""
    seen: Tensor
    """The frame warped by each candidate, (B, h, w, K, 3) float32 RGB."""


class Proposal(NamedTuple):
    """Coarse motion from search and from descriptors, for the loss of the choice between them."""

    described: tuple[Tensor, Tensor]
    """Descriptors of both frames, (B, h, w, C) float32 of length 1."""
    searched: Tensor
    """Motion by search, (B, h, w, 2) float32, px of that size, as `fbnet_r.matching.search` returns it."""
    strongest: Tensor
    """Motion by descriptors, in the same form."""
    logit: Tensor
    """Logit of the choice, (B, h, w, 1) float32: above 0 the motion by descriptors is used."""


class Prediction(NamedTuple):
    """A batch of interpolated frames, with the flows and masks behind them."""

    frame: Tensor
    """The interpolated frames, (B, H, W, 3) float32 RGB in [0, 1]."""
    unclipped: Tensor
    """The frames before clipping, for losses, so that values out of range have a gradient."""
    flows: list[tuple[Tensor, Tensor]]
    """For each level, coarse to fine: the flows that warp frame 0 and frame 1 to the interpolated frame,
    (B, h, w, 2) float32, (dy, dx) in px of the level; `warped(x) = frame(x - flow(x))`."""
    masks: tuple[Tensor, ...] = ()
    """For each of `flows` the logit of the share of frame 1, (B, h, w, 1) float32, in networks that have a mask at
    every level."""
    choices: tuple[Choice, ...] = ()
    """Choices for frame 0 and frame 1, in networks that choose among candidate motions."""
    proposal: Proposal | None = None
    """Coarse motion, in networks that estimate it in two ways."""
