"""FBNet-R, stage 3b: context features from 1/16 to 1/4, by which the candidates of a pixel are judged."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.fbnet_r.candidates import COUNT
from frame_booster.network.fbnet_r.encoder import CHANNELS
from frame_booster.network.fbnet_r.neighbourhood import enlarge
from frame_booster.network.layers import Convolution, Stage, Tensor, joined

WIDTHS = (64, 64, 48)
"""Channels at 1/16, 1/8 and 1/4."""
CONTEXT = 32
"""Channels of the result, which the selection uses at 1/2."""
CLOSER = 24 + 4 * COUNT
"""Channels of 1/4 that come from 1/2: the warped pair and the candidates' costs, 2x2 px each."""


class Judgement(Stage):
    """Convolutions over features of both frames, warped with the matched motion, at 1/16, 1/8 and 1/4.

    The batch contains the pairs in both orders, one after the other (`exchange.in_both_orders`).
    """

    def __init__(self, precision: str = "float32", name: str = "judgement") -> None:
        super().__init__(name)
        self.precision = precision
        _, quarter, eighth, sixteenth = CHANNELS
        self.levels = []
        above = 0
        for level, channels, width in zip(
            ("sixteenth", "eighth", "quarter"), (sixteenth, eighth, quarter), WIDTHS, strict=True
        ):
            inputs = 2 * channels + COUNT + 5 + above + (CLOSER if level == "quarter" else 0)
            first = Convolution(inputs, width, precision=precision, name=f"{level}_1")
            second = Convolution(width, width, precision=precision, name=f"{level}_2")
            self.levels.append([first, second])
            above = width
        self.context = Convolution(above, CONTEXT, precision=precision, name="context")
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [layer for level in self.levels for layer in level] + [self.context]

    def call(self, seen: list[list[Tensor]]) -> Tensor:
        """Maps inputs at 1/16, 1/8 and 1/4, lists of (2 B, h, w, c), to context features (2 B, H/4, W/4, CONTEXT)."""
        x: Tensor | None = None
        for layers, parts in zip(self.levels, seen, strict=True):
            x = joined(parts if x is None else [*parts, enlarge(x, parts[0])], self.precision)
            for layer in layers:
                x = layer(x)
        return self.context(x)
