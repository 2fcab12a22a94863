"""FBNet-2, stage 3: fusion of both frames at full size, with a last correction of flow and mask."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import is_refined
from frame_booster.network.fbnet_2.blend import blended, frame_warped
from frame_booster.network.fbnet_2.flow import SEEN, corrected, seen_motion
from frame_booster.network.fbnet_2.linear_motion import blended_by_linear_motion
from frame_booster.network.fbnet_2.residual import PReluConvolution, ResidualBlock, padded_channels
from frame_booster.network.fbnet_2.sizes import HIDDEN
from frame_booster.network.layers import Convolution, Stage, Tensor, joined
from frame_booster.network.resample import channels_to_pixels, doubled_by_gather, pixels_to_channels

WIDTH, BLOCKS = 24, 1
"""Channels of the convolutions at 1/2, and residual blocks."""
OUTPUTS = 8
"""Outputs for each pixel: change of both flows (4) and of the mask (1), and a residual (3)."""


class Fusion(Stage):
    """Warps both frames at full size and blends them, with a correction by convolutions at 1/2."""

    def __init__(self, precision: str = "float32", name: str = "fusion") -> None:
        super().__init__(name)
        self.precision = precision
        self.head = PReluConvolution(padded_channels(24 + SEEN + HIDDEN), WIDTH, precision=precision, name="head")
        self.blocks = [ResidualBlock(WIDTH, precision, f"block{k + 1}") for k in range(BLOCKS)]
        self.out = Convolution(WIDTH, 4 * OUTPUTS, slope=None, precision=precision, scale=0.0, name="out")
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.head, *self.blocks, self.out]

    def call(self, frame0: Tensor, frame1: Tensor, motion: Tensor, hidden: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Interpolates the frame.

        Args:
          frame0, frame1: (B, H, W, 3) float32 RGB.
          motion, hidden: at 1/2, as in `flow.Motion`.
          t: (B, 1, 1, 1) float32 in (0, 1).

        Returns:
          RGB (B, H, W, 3) float32, not clipped, and the motion at full size, (B, H, W, 5) float32.
        """
        full = doubled_by_gather(motion * tf.constant([2.0, 2.0, 2.0, 2.0, 1.0]))
        # A loop each, and no more in it than the warp: both in one, four pixels side by side, took twice the time.
        warped = [
            pixels_to_channels(frame_warped(frame, full, of, self.precision))
            for of, frame in enumerate((frame0, frame1))
        ]
        x = self.head(joined([*warped, seen_motion(motion, t), hidden], self.precision))
        for block in self.blocks:
            x = block(x)
        out = channels_to_pixels(self.out(x))
        if is_refined():
            return blended_by_linear_motion(frame0, frame1, full, out, t)
        return blended(frame0, frame1, full, out), corrected(full, out)
