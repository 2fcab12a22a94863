"""FBNet-2, stage 3: fusion of both frames at full size, with a last correction of the flow."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from frame_booster.network.compiling import FEW_PIXELS, compiled, differentiable, in_training
from frame_booster.network.fbnet_2.flow import SEEN, corrected, seen_motion, warp_first, warp_one, warp_second
from frame_booster.network.fbnet_2.linear_motion import blended_by_linear_motion
from frame_booster.network.fbnet_2.residual import PReluConvolution, ResidualBlock, padded_channels
from frame_booster.network.fbnet_2.sizes import HIDDEN
from frame_booster.network.layers import Convolution, Stage, Tensor, joined
from frame_booster.network.resample import channels_to_pixels, doubled_by_gather, pixels_to_channels
from frame_booster.network.warp import flow_gradient

WIDTH, BLOCKS = 24, 1
"""Channels of the convolutions at 1/2, and residual blocks."""
OUTPUTS = 8
"""For each pixel: change of both flows (4), of the mask (1), and what neither frame shows (3)."""


def _blended(frame0: Tensor, frame1: Tensor, motion: Tensor, out: Tensor) -> Tensor:
    motion = corrected(motion, out)
    warped0, warped1 = warp_one(frame0, motion, 0), warp_one(frame1, motion, 1)
    residual = 0.1 * tf.cast(out[..., 5:], tf.float32)
    return warped0 + tf.sigmoid(motion[..., 4:]) * (warped1 - warped0) + residual


def _first_flow_gradient(upstream: Tensor, frame: Tensor, motion: Tensor) -> Tensor:
    return flow_gradient(upstream, frame, motion[..., :2])


def _second_flow_gradient(upstream: Tensor, frame: Tensor, motion: Tensor) -> Tensor:
    return flow_gradient(upstream, frame, motion[..., 2:4])


def _first_share_gradient(upstream: Tensor, frame: Tensor, motion: Tensor) -> Tensor:
    return flow_gradient(upstream * (1.0 - tf.sigmoid(motion[..., 4:])), frame, motion[..., :2])


def _second_share_gradient(upstream: Tensor, frame: Tensor, motion: Tensor) -> Tensor:
    return flow_gradient(upstream * tf.sigmoid(motion[..., 4:]), frame, motion[..., 2:4])


def _mixed(warped0: Tensor, warped1: Tensor, motion: Tensor, out: Tensor) -> Tensor:
    return warped0 + tf.sigmoid(motion[..., 4:]) * (warped1 - warped0) + 0.1 * tf.cast(out[..., 5:], tf.float32)


def _mask_gradient(upstream: Tensor, warped0: Tensor, warped1: Tensor, motion: Tensor) -> Tensor:
    share = tf.sigmoid(motion[..., 4:])
    return share * (1.0 - share) * tf.reduce_sum(upstream * (warped1 - warped0), -1, keepdims=True)


def _out_gradient(change: Tensor, upstream: Tensor) -> Tensor:
    return tf.concat([2.0 * change, 0.1 * upstream], -1)


# One loop for each map that is written: where the channels of one map are computed in different ways, XLA decides
# for every number how, which takes longer than the second loop.
_loops = {
    function: compiled(function)
    for function in (
        warp_first,
        warp_second,
        _first_flow_gradient,
        _second_flow_gradient,
        _first_share_gradient,
        _second_share_gradient,
        _mixed,
        _mask_gradient,
        _out_gradient,
    )
}


def _first_warp_gradients(upstream: Tensor, frame: Tensor, motion: Tensor) -> tuple[None, Tensor]:
    change = _loops[_first_flow_gradient](upstream, frame, motion)
    return None, tf.concat([change, tf.zeros_like(motion[..., 2:])], -1)


def _second_warp_gradients(upstream: Tensor, frame: Tensor, motion: Tensor) -> tuple[None, Tensor]:
    change = _loops[_second_flow_gradient](upstream, frame, motion)
    return None, tf.concat([tf.zeros_like(motion[..., :2]), change, tf.zeros_like(motion[..., 4:])], -1)


def _blended_in_training(frame0: Tensor, frame1: Tensor, motion: Tensor, out: Tensor) -> tuple[Tensor, ...]:
    motion = corrected(motion, out)
    warped0, warped1 = _loops[warp_first](frame0, motion), _loops[warp_second](frame1, motion)
    return _loops[_mixed](warped0, warped1, motion, out), motion, warped0, warped1


def _blended_gradients(
    upstream: Tensor,
    frame0: Tensor,
    frame1: Tensor,
    _before: Tensor,
    out: Tensor,
    motion: Tensor,
    warped0: Tensor,
    warped1: Tensor,
) -> tuple[None, None, Tensor, Tensor]:
    first = _loops[_first_share_gradient](upstream, frame0, motion)
    second = _loops[_second_share_gradient](upstream, frame1, motion)
    change = tf.concat([first, second, _loops[_mask_gradient](upstream, warped0, warped1, motion)], -1)
    return None, None, change, tf.cast(_loops[_out_gradient](change, upstream), out.dtype)


_trained_warps = (
    differentiable(_loops[warp_first], _first_warp_gradients),
    differentiable(_loops[warp_second], _second_warp_gradients),
)


def _trained_warp(frame: Tensor, motion: Tensor, of: int, dtype: str) -> Tensor:
    return tf.cast(_trained_warps[of](frame, motion), dtype)


def _frame_warped(frame: Tensor, motion: Tensor, of: Any, dtype: str) -> Tensor:
    return tf.cast(warp_one(frame, motion, of), dtype)


frame_warped = compiled(_frame_warped, training=_trained_warp, least_pixels=FEW_PIXELS)
"""Frame 0 or 1 (B, H, W, 3), as the number says, warped by its half of a motion (B, H, W, 5), in a dtype. Frames are
given, and have no gradient."""
blended = compiled(_blended, training=differentiable(_blended_in_training, _blended_gradients))
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
        if in_training():
            return blended(frame0, frame1, full, out), corrected(full, out)
        return blended_by_linear_motion(frame0, frame1, full, out, t)
