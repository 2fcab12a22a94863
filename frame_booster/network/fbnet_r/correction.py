"""FBNet-R, stage 3: learned correction of the matched flow at 1/16, 1/8 and 1/4."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.fbnet_r.encoder import CHANNELS
from frame_booster.network.fbnet_r.matching import box, displaced_difference
from frame_booster.network.layers import Convolution, Stage, Tensor
from frame_booster.network.warp import compiled_gather_warp as warp

HIDDEN = 16
"""Channels handed from one level to the next."""
RADIUS = 2
COSTS = (2 * RADIUS + 1) ** 2
FLOW_UNIT = 0.1
"""Flows in px are scaled by this to be of the size of features."""
CHANGE_UNIT = 0.03
"""Changes of flow, px of the level, for an output of 1.

Without it one step of Adam, which moves all 576 weights behind an output at once, moves the flow by several px
at full resolution: training then only trembles around zero.
"""


def evidence(frame0: Tensor, frame1: Tensor) -> Tensor:
    """How well the warped frames agree when moved against each other, (B, h, w, COSTS) float32.

    A small window (3x3), where matching uses a large one: it tells on which side of a motion boundary a
    pixel lies.
    """
    cost, _ = displaced_difference(frame0, frame1, RADIUS)
    return 10.0 * box(cost, 3)


class FlowCorrection(Stage):
    """Changes both flows of one level, from what was warped with them.

    Args:
      channels: features of the level.
      width: channels of the hidden convolutions.
      depth: hidden convolutions after the first.
      closer: channels of a closer look at the warped frames, 0 for none.
    """

    def __init__(self, channels: int, width: int, depth: int, closer: int, precision: str, name: str) -> None:
        super().__init__(name)
        inputs = 2 * channels + COSTS + 4 + 1 + HIDDEN + closer
        self.hidden = [
            Convolution(inputs if k == 0 else width, width, precision=precision, name=f"conv{k + 1}")
            for k in range(depth + 1)
        ]
        # Zero at the start: the run begins at what matching alone gives and can only improve on it.
        self.change = Convolution(width, 4, slope=None, precision=precision, scale=0.0, name="change")
        self.handed_on = Convolution(width, HIDDEN, precision=precision, name="handed_on")
        self.precision = precision
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [*self.hidden, self.change, self.handed_on]

    def call(self, seen: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Maps the level's evidence to (change of both flows (B, h, w, 4) px float32, hidden state)."""
        x = tf.concat([tf.cast(part, self.precision) for part in seen], -1)
        for layer in self.hidden:
            x = layer(x)
        return CHANGE_UNIT * tf.cast(self.change(x), tf.float32), self.handed_on(x)


def make_corrections(precision: str) -> list[FlowCorrection]:
    """Returns the corrections at 1/16, 1/8, 1/4; the last also sees the pair warped at 1/2."""
    _, quarter, eighth, sixteenth = CHANNELS
    return [
        FlowCorrection(sixteenth, 64, 2, 0, precision, "correct_sixteenth"),
        FlowCorrection(eighth, 64, 2, 0, precision, "correct_eighth"),
        FlowCorrection(quarter, 48, 1, 24, precision, "correct_quarter"),
    ]


def warp_pair(x0: Tensor, x1: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Warps x0 by flow[..., :2] and x1 by flow[..., 2:], both (B, h, w, C) by (B, h, w, 4) px."""
    return warp(x0, flow[..., :2]), warp(x1, flow[..., 2:])
