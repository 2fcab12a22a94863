"""What a network returns."""

from __future__ import annotations

from typing import NamedTuple

from frame_booster.network.layers import Tensor


class Prediction(NamedTuple):
    """One batch of made frames and what they were made from."""

    frame: Tensor
    """(B, H, W, 3) float32 RGB in [0, 1]."""
    unclipped: Tensor
    """The same before clipping: what losses see, so that a value out of range still has a gradient."""
    flows: list[tuple[Tensor, Tensor]]
    """Per level, coarse to fine: the flows that warp frame 0 and frame 1 to the made frame,
    (B, h, w, 2) float32, (dy, dx) in px of the level; `warped(x) = frame(x - flow(x))`."""
