"""FBNet-2, stage 3: fusion of both frames at full size, with a last correction of the flow."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_2.flow import HIDDEN, SEEN, seen_motion, warped_to_first, warped_to_second
from frame_booster.network.fbnet_2.residual import PReluConvolution, ResidualBlock, padded_channels
from frame_booster.network.layers import Convolution, Stage, Tensor, joined
from frame_booster.network.resample import channels_to_pixels, doubled, pixels_to_channels
from frame_booster.network.warp import gather_warp

WIDTH, BLOCKS = 24, 1
"""Channels of the convolutions at 1/2, and residual blocks."""
OUTPUTS = 8
"""For each pixel: change of both flows (4), of the mask (1), and what neither frame shows (3)."""


def corrected(motion: Tensor, out: Tensor) -> Tensor:
    """Returns a motion (B, H, W, 5) with its last correction, out of the outputs (B, H, W, 8) of any float dtype."""
    return motion + 2.0 * tf.cast(out[..., :5], tf.float32)


def _blended(frame0: Tensor, frame1: Tensor, motion: Tensor, out: Tensor) -> Tensor:
    motion = corrected(motion, out)
    warped0, warped1 = gather_warp(frame0, motion[..., :2]), gather_warp(frame1, motion[..., 2:4])
    residual = 0.1 * tf.cast(out[..., 5:], tf.float32)
    return warped0 + tf.sigmoid(motion[..., 4:]) * (warped1 - warped0) + residual


blended = compiled(_blended)
"""The interpolated frame (B, H, W, 3), not clipped: frames warped by the corrected motion, blended by the mask, and the
residual added. One loop, so that no warped frame is written down."""


class Fusion(Stage):
    """Warps both frames at full size and blends them; convolutions at 1/2 see what to correct."""

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
        full = doubled(motion * tf.constant([2.0, 2.0, 2.0, 2.0, 1.0]))
        # A loop each, and no more in it than the warp: both in one, four pixels side by side, took twice the time.
        warped = [pixels_to_channels(w) for w in (warped_to_first(frame0, full), warped_to_second(frame1, full))]
        x = self.head(joined([*warped, seen_motion(motion, t), hidden], self.precision))
        for block in self.blocks:
            x = block(x)
        out = channels_to_pixels(self.out(x))
        return blended(frame0, frame1, full, out), corrected(full, out)
