"""FBNet, stage 1: the feature pyramid of one frame."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.layers import Convolution, Stage, Tensor
from frame_booster.network.resample import halve

CHANNELS = (16, 48, 112, 112)
"""Feature channels of levels 1 (full resolution) to 4 (1/8)."""


class PyramidFeatureExtraction(Stage):
    """Features of one frame at four levels, from three convolutions whose weights the levels share.

    The first convolution is applied to the frame at levels 1 to 4, the second to the pooled output of the first at
    levels 2 to 4, the third to the pooled output of the second at levels 3 and 4. Features of the same level are
    concatenated.
    """

    def __init__(self, precision: str = "float32", name: str = "pyramid") -> None:
        super().__init__(name)
        self.conv16 = Convolution(3, 16, precision=precision, name="conv16")
        self.conv32 = Convolution(16, 32, precision=precision, name="conv32")
        self.conv64 = Convolution(32, 64, precision=precision, name="conv64")
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.conv16, self.conv32, self.conv64]

    def call(self, frame: Tensor) -> list[Tensor]:
        """Extracts the features of a frame.

        Args:
          frame: (B, H, W, 3) float32 RGB in [0, 1], H and W multiples of 8.

        Returns:
          Levels 1 to 4: (B, H, W, 16), (B, H/2, W/2, 48), (B, H/4, W/4, 112), (B, H/8, W/8, 112).
        """
        frames = [frame]
        for _ in range(3):
            frames.append(halve(frames[-1]))
        first = [self.conv16(scale) for scale in frames]
        second = [self.conv32(halve(x)) for x in first[:3]]
        third = [self.conv64(halve(x)) for x in second[:2]]
        return [
            first[0],
            tf.concat([first[1], second[0]], -1),
            tf.concat([first[2], second[1], third[0]], -1),
            tf.concat([first[3], second[2], third[1]], -1),
        ]
