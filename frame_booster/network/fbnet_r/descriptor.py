"""FBNet-R, stage 1d: learned descriptors of pixels at 1/8, to find them in the other frame at any distance."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.layers import Convolution, Stage, Tensor, leaky_relu

CHANNELS = 64
"""Channels of a descriptor."""
HALF, QUARTER, WIDTH = 20, 40, 80
"""Channels at 1/2, 1/4 and 1/8."""
DILATIONS = (1, 2, 4)
"""Dilations of the blocks. They give a receptive field of about 170 px, since small neighbourhoods are ambiguous."""


class Descriptor(Stage):
    """Describes one frame, by strided convolutions and residual blocks."""

    def __init__(self, precision: str = "float32", name: str = "descriptor") -> None:
        super().__init__(name)
        self.half = Convolution(3, HALF, stride=2, precision=precision, name="half")
        self.quarter = Convolution(HALF, QUARTER, stride=2, precision=precision, name="quarter")
        self.eighth = Convolution(QUARTER, WIDTH, stride=2, precision=precision, name="eighth")
        self.blocks = [
            (
                Convolution(WIDTH, WIDTH, dilation=dilation, precision=precision, name=f"block{k}_1"),
                Convolution(WIDTH, WIDTH, slope=None, precision=precision, scale=0.3, name=f"block{k}_2"),
            )
            for k, dilation in enumerate(DILATIONS)
        ]
        self.out = Convolution(WIDTH, CHANNELS, size=1, slope=None, precision=precision, name="out")
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.half, self.quarter, self.eighth, *(layer for block in self.blocks for layer in block), self.out]

    def call(self, frame: Tensor) -> Tensor:
        """Maps (B, H, W, 3) float32 RGB in [0, 1] to (B, H/8, W/8, CHANNELS) float32 vectors of length 1."""
        x = self.eighth(self.quarter(self.half(frame - 0.5)))
        for first, second in self.blocks:
            x += second(first(x))
        vectors = tf.cast(self.out(leaky_relu(x, 0.2)), tf.float32)
        return vectors * tf.math.rsqrt(tf.reduce_sum(tf.square(vectors), -1, keepdims=True) + 1e-6)
