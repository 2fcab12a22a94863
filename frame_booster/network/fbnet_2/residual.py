"""FBNet-2, what its stages are built of: a convolution with PReLU, and a residual block of two.

The slope of the negative side is learned for each channel (PReLU, He et al., 2015), where that of `Convolution` is one
fixed number.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.layers import Convolution, Stage, Tensor, weight_value

SLOPE = 0.2
"""Slopes before training."""
LEAST_PIXELS = 2048
"""Smaller maps go through plain operations: fewer than elsewhere, since every convolution has this loop."""


def _prelu(x: Tensor, slopes: Tensor) -> Tensor:
    y = tf.cast(x, tf.float32)
    return tf.cast(tf.where(y > 0.0, y, slopes * y), x.dtype)


def _prelu_of_sum(x: Tensor, shortcut: Tensor, slopes: Tensor) -> Tensor:
    y = tf.cast(x, tf.float32) + tf.cast(shortcut, tf.float32)
    return tf.cast(tf.where(y > 0.0, y, slopes * y), x.dtype)


# One loop each: as operations, a comparison, a product and a choice would each write the map down.
prelu = compiled(_prelu, least_pixels=LEAST_PIXELS, any_channels=True)
"""PReLU of (B, H, W, C) by slopes (C,) float32; the dtype is kept."""
prelu_of_sum = compiled(_prelu_of_sum, least_pixels=LEAST_PIXELS, any_channels=True)
"""The same of the sum of two maps."""


class PReluConvolution(Convolution):
    """A "same" convolution with bias and PReLU; arguments as those of `Convolution`."""

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
    """Two convolutions whose result is added to their input before the second PReLU."""

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
    """Returns the input channels of a stage's first convolution: the next multiple of 8, the surplus being zeros.

    Tensor cores want channels in eights; kept here, so that weights convert to and from the reference bit by bit.
    """
    return -(-channels // 8) * 8
