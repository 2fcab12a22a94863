"""FBNet-2, building blocks: a convolution with PReLU, and a residual block of two.

The slope for negative values is learned for each channel (PReLU, He et al., 2015); in `Convolution` it is fixed.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.layers import Convolution, Stage, Tensor, weight_value

SLOPE = 0.2
"""Initial slopes."""
LEAST_PIXELS = 2048
"""Smaller maps use plain operations. The limit is lower than elsewhere, since every convolution has this loop."""


def _prelu(x: Tensor, slopes: Tensor) -> Tensor:
    y = tf.cast(x, tf.float32)
    return tf.cast(tf.where(y > 0.0, y, slopes * y), x.dtype)


def _prelu_of_sum(x: Tensor, shortcut: Tensor, slopes: Tensor) -> Tensor:
    y = tf.cast(x, tf.float32) + tf.cast(shortcut, tf.float32)
    return tf.cast(tf.where(y > 0.0, y, slopes * y), x.dtype)


# One loop each: as operations, a comparison, a product and a choice would each write the map down.
prelu = compiled(_prelu, least_pixels=LEAST_PIXELS, any_channels=True)
"""Applies PReLU to (B, H, W, C) with slopes (C,) float32; keeps the dtype."""
prelu_of_sum = compiled(_prelu_of_sum, least_pixels=LEAST_PIXELS, any_channels=True)
"""Applies PReLU to the sum of two maps."""


class PReluConvolution(Convolution):
    """A "same" convolution with bias and PReLU; arguments as for `Convolution`."""

    def __init__(self, channels: int, filters: int, *, stride: int = 1, precision: str, name: str) -> None:
        super().__init__(channels, filters, stride=stride, slope=None, precision=precision, name=name)
        self.slopes = self.add_weight(
            name="slopes", shape=(filters,), dtype="float32", initializer=tf.keras.initializers.Constant(SLOPE)
        )
        self.built = True

    def own_weights(self) -> list[tuple[str, Any]]:
        return [*super().own_weights(), ("slopes", self.slopes)]

    def edge(self) -> list[int] | None:
        # At a stride of 2 "SAME" has its zeros behind an even side only, and so sees other pixels than the reference.
        return [1, 0] if self.stride == 2 else None

    def call(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """Maps (B, H, W, channels) to (B, H/stride, W/stride, filters); `shortcut`, if any, is added before PReLU."""
        y, slopes = super().call(x), weight_value(self.slopes)
        return prelu(y, slopes) if shortcut is None else prelu_of_sum(y, shortcut, slopes)


class ResidualBlock(Stage):
    """Two convolutions; the input is added before the second PReLU."""

    def __init__(self, channels: int, precision: str, name: str) -> None:
        super().__init__(name)
        self.conv1 = PReluConvolution(channels, channels, precision=precision, name="conv1")
        self.conv2 = PReluConvolution(channels, channels, precision=precision, name="conv2")
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.conv1, self.conv2]

    def call(self, x: Tensor) -> Tensor:
        """Maps (B, H, W, channels) to the same shape."""
        return self.conv2(self.conv1(x), x)


def padded_channels(channels: int) -> int:
    """Returns the input channels of a stage's first convolution: the next multiple of 8; the surplus is zeros.

    Tensor cores need multiples of 8. Kept here too, so that weights convert bit-exactly to and from the reference.
    """
    return -(-channels // 8) * 8
