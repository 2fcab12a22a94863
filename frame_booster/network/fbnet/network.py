"""FBNet: a coarse-to-fine network that warps features of both frames to the middle and fuses them into the frame.

Inputs
  frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1]; H and W multiples of 8, at least 16 px.
  There is no input for the time: the network knows the middle, t = 1/2, only. The engine reaches other times by
  recursive midpoints.

Outputs (`Prediction`)
  frame: (B, H, W, 3) float32 RGB in [0, 1], the interpolated frame; `unclipped` is the same before clipping.
  flows: for levels 4 to 1 the pair (flow12, flow21), each (B, H / 2^(level - 1), W / 2^(level - 1), 2) float32.

Levels. All stages work at four levels of resolution: level 1 is full resolution, level 4 is 1/8.

Flow convention. A flow is (dy, dx) in px of its level and is applied by backward warping, as `dense_image_warp` does:
`warped(x) = features(x - flow(x))`, bilinear, clamped at the border. flow12 warps the features of frame 0 (the first
frame of the publication), flow21 those of frame 1.

Architecture, in the order of execution. Convolutions are 3x3, "same", with bias and LeakyReLU(0.2), unless stated.
  1. Feature pyramid (`feature_pyramid.py`, 2 x 23,584 parameters), with separate weights for each of the two frames.
     The frame is average-pooled to the four levels. Three convolutions of 16, 32 and 64 filters, shared by the levels,
     form a cascade: the first is applied to the frame at levels 1 to 4, the second to the pooled output of the first
     at levels 2 to 4, the third to the pooled output of the second at levels 3 and 4. Maps of the same level are
     concatenated: 16, 48, 112 and 112 channels at levels 1 to 4.
  2. Bidirectional flow estimation (`flow.py`, 848,272 parameters), from level 4 to level 1. Flows start at zero; from
     level to level they are upsampled by 2 (bicubic) and *not* multiplied by 2, as published. At each level, with
     separate weights for each direction, the features of one frame are warped by the flow so far and concatenated with
     those of the other. Five convolutions of 48 (3x3), 80 (3x3), 80, 32 and 2 filters (1x1, the last linear) return a
     correction, which is added to the flow. The extracted features are then warped by the sum. There is no cost volume.
  3. Fusion (`fusion.py`, 304,531 parameters), from level 4 to level 1. The warped features of both frames and the
     result of the coarser level are added. At levels 4, 3 and 2, two convolutions of 112, 48 and 16 filters and a
     bilinear upsampling by 2 follow. At level 1 a linear 1x1 convolution returns RGB. The frame is computed from
     features alone: there are no warped pixels and no occlusion mask.

1,199,971 trainable parameters in all, 196,526 multiply-adds per pixel, nearly all of them at levels 1 and 2.
Level 4 cannot detect motion of more than about 30 px.

Reference
  K. Barszczak, "Frame Booster" (slide deck with listings). Where a listing disagrees with the published number of
  parameters, the implementation follows the number.
"""

from __future__ import annotations

from typing import ClassVar

import tensorflow as tf

from frame_booster.network.fbnet.feature_pyramid import CHANNELS, PyramidFeatureExtraction
from frame_booster.network.fbnet.flow import BiDirectionalFlowEstimation, upsample_flow
from frame_booster.network.fbnet.fusion import WarpedFeatureFusion
from frame_booster.network.interface import FrameCoding, StripSupport
from frame_booster.network.layers import Stage, Tensor
from frame_booster.network.prediction import Prediction


class FBNet(Stage):
    """Predicts the frame half-way between two frames.

    Args:
      precision: dtype of the convolutions; flows, warps and the result are float32.
    """

    network_name: ClassVar[str] = "fbnet"
    multiple: ClassVar[int] = 8
    """H and W of the input must be multiples of this, and at least twice this, px."""
    any_timestep: ClassVar[bool] = False
    """Only t = 1/2 is supported."""
    max_flow_downscale: ClassVar[int] = 0
    """Flow is estimated at full size only, on the features that are warped."""
    frame_coding: ClassVar[FrameCoding | None] = None
    """None: the first and the second frame have separate extraction weights, so two pairs cannot share features."""
    strips: ClassVar[StripSupport | None] = None
    """None: all stages work at full size and depend on pixels far away."""

    def __init__(self, precision: str = "float32", name: str = "fbnet") -> None:
        super().__init__(name)
        self.precision = precision
        self.extract_first = PyramidFeatureExtraction(precision, "extract_first")
        self.extract_second = PyramidFeatureExtraction(precision, "extract_second")
        self.flow_levels = [
            BiDirectionalFlowEstimation(CHANNELS[level - 1], precision, f"flow_level{level}") for level in (4, 3, 2, 1)
        ]
        self.fusion = WarpedFeatureFusion(precision, "fusion")
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.extract_first, self.extract_second, *self.flow_levels, self.fusion]

    def call(self, frame0: Tensor, frame1: Tensor, t: Tensor | None = None, flow_downscale: int = 0) -> Prediction:
        """Predicts the middle frame.

        Args:
          frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1], H and W multiples of 8.
          t: ignored, as `any_timestep` is False.
          flow_downscale: ignored, as `max_flow_downscale` is 0.

        Returns:
          The prediction; its flows are (flow12, flow21) of levels 4 to 1, px of the level.
        """
        features1, features2 = self.extract_first(frame0), self.extract_second(frame1)
        shape = tf.shape(features1[3])
        flow12 = flow21 = tf.zeros([shape[0], shape[1], shape[2], 2])
        warped1: list[Tensor] = []
        warped2: list[Tensor] = []
        flows = []
        for estimate, level in zip(self.flow_levels, (3, 2, 1, 0), strict=True):
            if level < 3:
                flow12, flow21 = upsample_flow(flow12), upsample_flow(flow21)
            one, two, flow12, flow21 = estimate(features1[level], features2[level], flow12, flow21)
            warped1.insert(0, one)
            warped2.insert(0, two)
            flows.append((flow12, flow21))
        rgb = self.fusion(warped1, warped2)
        return Prediction(frame=tf.clip_by_value(rgb, 0.0, 1.0), unclipped=rgb, flows=flows)

    def between(
        self,
        frames: Tensor,
        first: Tensor,
        second: Tensor,
        t: Tensor | None = None,
        flow_downscale: int = 0,
        downscaled: Tensor | None = None,
    ) -> Prediction:
        """Predicts the middle frame of each of B pairs out of F frames.

        Args:
          frames: (F, H, W, 3) as in `call`.
          first, second: (B,) int32, indices into `frames`.
          t, flow_downscale, downscaled: ignored.
        """
        prediction: Prediction = self(tf.gather(frames, first), tf.gather(frames, second), t)
        return prediction
