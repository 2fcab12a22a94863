"""FBNet-2, stage 1: feature pyramid of one frame, with the same weights for both frames and for scales beyond 1/16."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from frame_booster.network.fbnet_2.residual import PReluConvolution
from frame_booster.network.fbnet_2.sizes import CHANNELS, MEAN, STRIDE
from frame_booster.network.layers import Stage, Tensor
from frame_booster.network.resample import halve


class Encoded(NamedTuple):
    """A frame and its features, the input of the other stages."""

    frame: Tensor
    """(B, H, W, 3) float32 RGB."""
    features: list[Tensor]
    """Features at 1/4, 1/8 and 1/16 of the frame at the scale of the flow, and at 1/32 and 1/64 if the frame is large
    enough: (B, h, w, CHANNELS[1:], the last repeated), in the network's precision."""


def _padded(picture: Tensor) -> Tensor:
    """Repeats the last row and column until both sides are multiples of `STRIDE` and at least twice that."""
    sides = picture.shape[1:3]
    if all(side is not None and side % STRIDE == 0 and side >= 2 * STRIDE for side in sides):
        return picture
    for axis in (1, 2):
        size = tf.shape(picture)[axis]
        target = tf.maximum((size + STRIDE - 1) // STRIDE, 2) * STRIDE
        picture = tf.gather(picture, tf.minimum(tf.range(target), size - 1), axis=axis)
    batch, channels = picture.shape[0], picture.shape[-1]
    known = [None if side is None else max(-(-side // STRIDE), 2) * STRIDE for side in sides]
    picture.set_shape([batch, *known, channels])
    return picture


class FeaturePyramid(Stage):
    """Strided convolutions; at 1/2, where there are most pixels, only one."""

    def __init__(self, precision: str = "float32", name: str = "pyramid") -> None:
        super().__init__(name)

        def layer(channels: int, filters: int, stride: int, layer_name: str) -> PReluConvolution:
            return PReluConvolution(channels, filters, stride=stride, precision=precision, name=layer_name)

        self.half = layer(3, CHANNELS[0], 2, "half")
        names = ("quarter", "eighth", "sixteenth")
        self.levels = [
            [layer(coarse, fine, 2, f"{name}_down"), layer(fine, fine, 1, name)]
            for name, coarse, fine in zip(names, CHANNELS, CHANNELS[1:], strict=False)
        ]
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.half, *(layer for level in self.levels for layer in level)]

    def call(self, frame: Tensor, coarser: int = 0) -> list[Tensor]:
        """Maps a frame to its features.

        Args:
          frame: (B, h, w, 3) float32 RGB in [0, 1], h and w multiples of 16.
          coarser: scales beyond 1/16.

        Returns:
          (B, h/4, w/4, 32), (B, h/8, w/8, 64), (B, h/16, w/16, 96), then `coarser` maps of 96 channels, each half as
          high and wide, rounded up by repeating the last row and column.
        """
        picture = frame - MEAN
        features = self._features(picture)
        for _ in range(coarser):
            picture = _padded(halve(picture))
            features.append(self._features(picture)[-1])
        return features

    def _features(self, picture: Tensor) -> list[Tensor]:
        x, features = self.half(picture), []
        for down, same in self.levels:
            x = same(down(x))
            features.append(x)
        return features
