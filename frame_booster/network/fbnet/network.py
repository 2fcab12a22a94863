"""FBNet: a coarse-to-fine network that warps features of both frames to the middle and fuses them into the frame.

Inputs
  frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1]; H and W multiples of 8, at least 16 px.
  There is no input for the time: the network knows the middle, t = 1/2, only. The engine reaches other times by
  recursive midpoints.

Outputs (`Prediction`)
  frame: (B, H, W, 3) float32 RGB in [0, 1], the interpolated frame; `unclipped` is the same before clipping.
  flows: for levels 4 to 1 the pair (flow12, flow21), each (B, H / 2^(level - 1), W / 2^(level - 1), 2) float32.

Levels. Everything happens on four levels of resolution: level 1 is full resolution, level 4 is 1/8.

Flow convention. A flow is (dy, dx) in px of its level and is applied by backward warping, as `dense_image_warp` does:
`warped(x) = features(x - flow(x))`, bilinear, clamped at the border. flow12 warps what belongs to frame 0 (the
publication's first frame), flow21 what belongs to frame 1.

Architecture, in the order in which it runs. Convolutions are 3x3, "same", with bias and LeakyReLU(0.2), unless stated.
  1. Feature pyramid (`feature_pyramid.py`, 2 x 23,584 parameters). For each frame, with weights of its own: the frame
     is average-pooled to the four levels, and three convolutions of 16, 32 and 64 filters, shared by the levels, run
     over it in a cascade. The first sees the frame at levels 1 to 4, the second the pooled output of the first at
     levels 2 to 4, the third the pooled output of the second at levels 3 and 4. Maps that meet at a level are
     concatenated: 16, 48, 112 and 112 channels at levels 1 to 4.
  2. Bidirectional flow estimation (`flow.py`, 848,272 parameters), from level 4 to level 1. Flows begin at zero; from
     level to level they are enlarged twofold (bicubic) and *not* multiplied by 2, as published. At each level, for
     each direction with weights of its own: one frame's features are warped by the flow so far and concatenated to
     the other's, five convolutions of 48 (3x3), 80 (3x3), 80, 32 and 2 filters (1x1, the last linear) return the
     change of the flow, and the level's features, as extracted, are warped by the sum. No cost volume is built.
  3. Fusion (`fusion.py`, 304,531 parameters), from level 4 to level 1. The warped features of both frames and what
     comes from the level below are added; two convolutions of 112, 48 and 16 filters follow at levels 4, 3 and 2, and
     a bilinear enlargement by 2. At level 1 a linear 1x1 convolution returns RGB. No warped pixels and no occlusion
     mask take part: the frame is made from features alone.

1,199,971 trainable parameters in all, 196,526 multiply-adds for each pixel, nearly all of them at levels 1 and 2.
Motion of more than some 30 px is out of reach of level 4.

Reference
  K. Barszczak, "Frame Booster" (slide deck with listings). Where a listing and the published number of parameters
  disagree, this is the reading that gives the number.
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
    """The middle only."""
    max_flow_downscale: ClassVar[int] = 0
    """Features are extracted and warped at the frames' own size, and motion is estimated on them."""
    frame_coding: ClassVar[FrameCoding | None] = None
    """None: each of the two frames has extraction weights of its own, so no frame's features serve two pairs."""
    strips: ClassVar[StripSupport | None] = None
    """None: every stage sees far beyond a pixel's neighbours, and all run at full size."""

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
          t: not used; FBNet knows the middle only (`any_timestep` is False).
          flow_downscale: 0 (`max_flow_downscale`); not used.

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
          t, flow_downscale: not used, as in `call`.
          downscaled: not used.
        """
        prediction: Prediction = self(tf.gather(frames, first), tf.gather(frames, second), t)
        return prediction
