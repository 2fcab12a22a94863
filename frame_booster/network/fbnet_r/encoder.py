"""FBNet-R, stage 2: the feature pyramid of a frame, computed once and used in two pairs."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from frame_booster.network.fbnet_r.matching import MatchingOptions, appearance, pyramid
from frame_booster.network.fbnet_r.sharp import with_curvature
from frame_booster.network.layers import Convolution, Stage, Tensor
from frame_booster.network.resample import halve

CHANNELS = (16, 32, 64, 64)
"""Feature channels at 1/2, 1/4, 1/8 and 1/16."""


class Encoded(NamedTuple):
    """An encoded frame, the input of all later stages."""

    frames: list[Tensor]
    """The frame at 1, 1/2, 1/4, 1/8, 1/16 of the scale of the flow: (B, h/2^k, w/2^k, 3) float32."""
    curved: Tensor
    """The frame `with_curvature`, (B, H, W, 5) float32, always at full size."""
    looks: list[Tensor]
    """Input of matching, `appearance` at 1, 1/2, 1/4, ... of the scale of the flow: (B, h/2^k, w/2^k, 4) float32."""
    features: list[Tensor]
    """Features at 1/4, 1/8, 1/16: (B, h, w, CHANNELS[1:]), in the network's precision."""
    described: Tensor = None
    """Descriptors at 1/8, (B, h/8, w/8, descriptor.CHANNELS) float32; `FBNetR.encode` adds them."""


class FrameEncoder(Stage):
    """Encodes a frame by strided convolutions; to save time, 1/2 has a single one."""

    def __init__(self, precision: str = "float32", name: str = "encoder") -> None:
        super().__init__(name)
        half, quarter, eighth, sixteenth = CHANNELS

        def layer(channels: int, filters: int, stride: int, layer_name: str) -> Convolution:
            return Convolution(channels, filters, stride=stride, precision=precision, name=layer_name)

        self.half = layer(3, half, 2, "half")
        self.levels = [
            [layer(half, quarter, 2, "quarter_down"), layer(quarter, quarter, 1, "quarter")],
            [layer(quarter, eighth, 2, "eighth_down"), layer(eighth, eighth, 1, "eighth")],
            [layer(eighth, sixteenth, 2, "sixteenth_down"), layer(sixteenth, sixteenth, 1, "sixteenth")],
        ]
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.half] + [layer for level in self.levels for layer in level]

    def call(
        self, frame: Tensor, matching: MatchingOptions, flow_downscale: int = 0, downscaled: Tensor | None = None
    ) -> Encoded:
        """Encodes a frame.

        Args:
          frame: (B, H, W, 3) float32 RGB in [0, 1], H and W multiples of 16 * 2**flow_downscale.
          matching: constants of the search.
          flow_downscale: log2 of the factor by which the frame is downscaled before motion is estimated.
          downscaled: the downscaled frame, if the caller has it.
        """
        curved = with_curvature(frame)
        for _ in range(flow_downscale if downscaled is None else 0):
            frame = halve(frame)
        frame = frame if downscaled is None else downscaled
        features = []
        x = self.half(frame)
        for down, same in self.levels:
            x = same(down(x))
            features.append(x)
        frames = pyramid(frame, max(4, matching.coarsest))
        looks = [appearance(smaller, matching) for smaller in frames[: matching.coarsest + 1]]
        return Encoded(frames, curved, looks, features)
