"""FBNet as published: pyramid features, bidirectional flow, fusion of warped features.

Source: K. Barszczak, "Frame Booster" (slide deck); where its listing and its parameter count
disagree, the reading that gives the published 1,199,971 trainable parameters.
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
