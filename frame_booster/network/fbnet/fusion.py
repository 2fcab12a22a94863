"""FBNet, stage 3: fusion of the warped features of all levels to the interpolated frame."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.fbnet.feature_pyramid import CHANNELS
from frame_booster.network.layers import Convolution, Stage, Tensor
from frame_booster.network.resample import sum_of_doubled


class WarpedFeatureFusion(Stage):
    """Adds, from coarse to fine, both warped feature maps of a level and the upsampled result of the coarser level."""

    def __init__(self, precision: str = "float32", name: str = "fusion") -> None:
        super().__init__(name)
        _, level2, level3, level4 = CHANNELS
        widths = [(level4, level3), (level3, level2), (level2, CHANNELS[0])]
        self.convolutions = [
            [
                Convolution(channels, filters, precision=precision, name=f"level{level}_conv1"),
                Convolution(filters, filters, precision=precision, name=f"level{level}_conv2"),
            ]
            for level, (channels, filters) in zip((4, 3, 2), widths, strict=True)
        ]
        self.to_rgb = Convolution(CHANNELS[0], 3, size=1, slope=None, precision=precision, name="to_rgb")
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [layer for pair in self.convolutions for layer in pair] + [self.to_rgb]

    def call(self, warped1: list[Tensor], warped2: list[Tensor]) -> Tensor:
        """Maps the warped features of levels 1 to 4 to RGB.

        Args:
          warped1, warped2: per level 1 to 4, (B, H/2^(level-1), W/2^(level-1), CHANNELS[level-1]).

        Returns:
          (B, H, W, 3) float32, not yet clipped to [0, 1].
        """
        x = warped1[3] + warped2[3]
        for (conv1, conv2), level in zip(self.convolutions, (2, 1, 0), strict=True):
            x = sum_of_doubled(warped1[level], warped2[level], conv2(conv1(x)))
        return tf.cast(self.to_rgb(x), tf.float32)
