"""FBNet, stage 2: bidirectional flow estimation on one level of the pyramid."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.layers import Convolution, Stage, Tensor
from frame_booster.network.warp import dense_image_warp


class FlowChange(Stage):
    """Predicts a correction of the flow in one direction from the features of the target and the warped features."""

    def __init__(self, channels: int, precision: str, name: str) -> None:
        super().__init__(name)
        self.convolutions = [
            Convolution(2 * channels, 48, precision=precision, name="conv1"),
            Convolution(48, 80, precision=precision, name="conv2"),
            Convolution(80, 80, size=1, precision=precision, name="conv3"),
            Convolution(80, 32, size=1, precision=precision, name="conv4"),
            # A tenth of He's scale: flows of several px at the start of training would distort the features.
            Convolution(32, 2, size=1, slope=None, precision=precision, scale=0.1, name="conv5"),
        ]
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return list(self.convolutions)

    def call(self, target: Tensor, warped: Tensor) -> Tensor:
        """Maps two (B, H, W, C) feature maps to a correction of the flow, (B, H, W, 2) float32, px of this level."""
        x = tf.concat([target, warped], -1)
        for convolution in self.convolutions:
            x = convolution(x)
        return tf.cast(x, tf.float32)


class BiDirectionalFlowEstimation(Stage):
    """Corrects both flows of the coarser level and warps both feature maps with the result.

    Each direction has its own weights. Flows are applied as by `dense_image_warp`: `warped(x) = features(x - flow(x))`.
    """

    def __init__(self, channels: int, precision: str = "float32", name: str = "flow") -> None:
        super().__init__(name)
        self.first_to_second = FlowChange(channels, precision, "first_to_second")
        self.second_to_first = FlowChange(channels, precision, "second_to_first")
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.first_to_second, self.second_to_first]

    def call(
        self, features1: Tensor, features2: Tensor, flow12: Tensor, flow21: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Estimates the flows of this level.

        Args:
          features1, features2: (B, H, W, C) features of the first and second frame.
          flow12, flow21: (B, H, W, 2) float32, (dy, dx) in px, the upsampled flows of the coarser level.

        Returns:
          warped1, warped2 (B, H, W, C) and flow12, flow21 (B, H, W, 2) at this level's resolution.
        """
        flow12 += self.first_to_second(features2, dense_image_warp(features1, flow12))
        flow21 += self.second_to_first(features1, dense_image_warp(features2, flow21))
        return dense_image_warp(features1, flow12), dense_image_warp(features2, flow21), flow12, flow21


def upsample_flow(flow: Tensor) -> Tensor:
    """Doubles the resolution of a flow (bicubic), (B, H, W, 2) to (B, 2H, 2W, 2).

    As published, the values are *not* multiplied by 2; the correction at the next level has to make up for it.
    """
    shape = tf.shape(flow)
    return tf.image.resize(flow, [2 * shape[1], 2 * shape[2]], "bicubic")
