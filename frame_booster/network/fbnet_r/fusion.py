"""FBNet-R, stage 4: occlusion mask, residual and sharpness from 1/2 resolution, then warp and blend at full size."""

from __future__ import annotations

from fractions import Fraction

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_r.exchange import ExchangedConvolution, SignedConvolution, halves_exchanged
from frame_booster.network.fbnet_r.neighbourhood import resize
from frame_booster.network.fbnet_r.selection import HIDDEN
from frame_booster.network.fbnet_r.sharp import CATMULL_ROM, sharp_samples
from frame_booster.network.layers import Stage, Tensor, joined

FLOW_UNIT = 0.1
"""Factor of flows in px as input of convolutions, so that they are about as large as features."""
MASK_UNIT, RESIDUAL_UNIT, SHARPNESS_UNIT = 2.0, 0.02, 0.25
"""Units of the outputs: logits of the mask, RGB in [0, 1], and strength of sharpening.

They are small where the loss is sensitive: one step of Adam changes all weights of an output at once, and with larger
units training would oscillate around zero.
"""
DOUBT_UNIT, TRUST = 4.0, 3.5
"""Logit of the blend fallback's share, where no motion is reliable: DOUBT_UNIT times the output minus TRUST."""
STILL_BELOW, MOVING_ABOVE = 1.5 / 255.0, 4.0 / 255.0
STILL_REACH = 9
"""Side of the neighbourhood that must be unchanged for a pixel to count as still, px at 1/2."""
WIDTH = 16
"""Channels of each half of the convolutions."""
SEEN = 10
"""Input channels per pixel at full resolution: two warped frames of 4, and two differences."""
MADE = 6
"""Output channels per pixel at full resolution: mask, residual (3), sharpness, doubt."""
SIGNS = 4 * [-1, *[1] * (MADE - 1)]
"""The mask, the logit of the second frame's share, is negated when the frames are exchanged."""
EXCHANGE = [
    *(k for at in range(0, 4 * SEEN, SEEN) for k in [*halves_exchanged(8, at), at + 8, at + 9]),
    *halves_exchanged(4, 4 * SEEN),
    *halves_exchanged(2, 4 * SEEN + 4),
    *halves_exchanged(HIDDEN, 4 * SEEN + 6),
]
"""Exchanged input channels, in the order of `call`: warped frames and differences, flows, times, hidden state."""


# All loops take frames with their curvature: slicing RGB outside the loops would write a copy each time.


def _largest_change(curved0: Tensor, curved1: Tensor) -> Tensor:
    batch, height, width, _ = tf.unstack(tf.shape(curved0))
    change = tf.reduce_max(tf.abs(curved0[..., :3] - curved1[..., :3]), -1)
    change = tf.reshape(change, [batch, height // 2, 2, width // 2, 2])
    return tf.reduce_max(change, [2, 4])[..., None]


def _look(samples0: Tensor, samples1: Tensor, curved0: Tensor, curved1: Tensor, precision: str) -> Tensor:
    disagreement = tf.reduce_mean(tf.abs(samples0[..., :3] - samples1[..., :3]), -1, keepdims=True)
    unmoved = tf.reduce_mean(tf.abs(curved0[..., :3] - curved1[..., :3]), -1, keepdims=True)
    seen = tf.concat([samples0, samples1, 5.0 * disagreement, 5.0 * unmoved], -1)
    # The same as `tf.nn.space_to_depth`, but part of the loop.
    return tf.cast(tf.concat([seen[:, y::2, x::2] for y in (0, 1) for x in (0, 1)], -1), precision)


def _steering(flow: Tensor, t: Tensor, precision: str) -> Tensor:
    times = tf.zeros_like(flow[..., :2]) + tf.concat([t, 1.0 - t], -1)
    return tf.cast(tf.concat([FLOW_UNIT * flow, times], -1), precision)


def _blend(
    samples0: Tensor, samples1: Tensor, curved0: Tensor, curved1: Tensor, out: Tensor, still: Tensor, t: Tensor
) -> Tensor:
    # The same as `tf.nn.depth_to_space`, but part of the loop.
    batch, height, width, _ = tf.unstack(tf.shape(out))
    out = tf.transpose(tf.reshape(out, [batch, height, width, 2, 2, MADE]), [0, 1, 3, 2, 4, 5])
    out = tf.cast(tf.reshape(out, [batch, 2 * height, 2 * width, MADE]), tf.float32)
    frame0, frame1 = curved0[..., :3], curved1[..., :3]
    # At a mask of 0 the frames are weighted by time.
    share1 = tf.sigmoid(MASK_UNIT * out[..., :1] + tf.math.log(t / (1.0 - t)))
    mixed = samples0 + share1 * (samples1 - samples0)
    sharpness = CATMULL_ROM + SHARPNESS_UNIT * out[..., 4:5]
    made = mixed[..., :3] - sharpness * mixed[..., 3:] + RESIDUAL_UNIT * out[..., 1:4]
    plain = frame0 + t * (frame1 - frame0)
    doubt = tf.sigmoid(DOUBT_UNIT * out[..., 5:] - TRUST)
    return made + (still + (1.0 - still) * doubt) * (plain - made)


largest_change = compiled(_largest_change, scale=Fraction(1, 2))
"""Largest change of a value in 2x2 px, (B, H/2, W/2, 1)."""
look = compiled(_look, scale=Fraction(1, 2))
"""Input from both warped frames and both source frames, (B, H/2, W/2, 4 SEEN) in the convolutions' precision."""
steering = compiled(_steering)
"""The flow (B, h, w, 4) and both frames' distances in time, (B, h, w, 6) in the convolutions' precision."""
blend = compiled(_blend)
"""The interpolated frame (B, H, W, 3) from `out` (B, H/2, W/2, 4 MADE).

Like the other functions here, it is one loop over the pixels in XLA.
"""


def stillness(curved0: Tensor, curved1: Tensor) -> Tensor:
    """Returns a mask of still areas: 1 where nothing changes in the neighbourhood, 0 where something does.

    In still areas the interpolated frame is the plain blend, so that logos, subtitles and static images stay untouched
    whatever the network predicts.

    Args:
      curved0, curved1: (B, H, W, 5) float32, H and W even, RGB first.

    Returns:
      (B, H, W, 1) float32 in [0, 1].
    """
    change = largest_change(curved0, curved1)
    change = tf.nn.max_pool2d(change, [STILL_REACH, 1], 1, "SAME")
    change = tf.nn.max_pool2d(change, [1, STILL_REACH], 1, "SAME")
    still = tf.clip_by_value((MOVING_ABOVE - change) / (MOVING_ABOVE - STILL_BELOW), 0.0, 1.0)
    return resize(still, curved0)


def _is_part(x: Tensor, like: Tensor, part: int) -> bool:
    """Returns whether the height of x is known to be 1/part of that of `like`; heights are unknown during an export."""
    return x.shape[1] is not None and like.shape[1] is not None and part * x.shape[1] == like.shape[1]


class Fusion(Stage):
    """Predicts a mask, a residual, the sharpness and the share of the blend fallback, and blends the warped frames."""

    def __init__(self, precision: str = "float32", name: str = "fusion") -> None:
        super().__init__(name)
        halves = halves_exchanged(2 * WIDTH)
        self.conv1 = ExchangedConvolution(EXCHANGE, WIDTH, precision=precision, name="conv1")
        self.conv2 = ExchangedConvolution(halves, WIDTH, precision=precision, name="conv2")
        self.out = SignedConvolution(halves, SIGNS, slope=None, precision=precision, scale=0.0, name="out")
        self.precision = precision
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.conv1, self.conv2, self.out]

    def call(self, curved0: Tensor, curved1: Tensor, flow: Tensor, hidden: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the interpolated frame.

        Args:
          curved0, curved1: (B, H, W, 5) float32, RGB in [0, 1] `with_curvature`.
          flow: (B, h, w, 4) float32 px of that size, as in `candidates.warp_pair`; h is less than H if flow was
            estimated on downscaled frames.
          hidden: (B, h/2, w/2, HIDDEN) from the selection.
          t: (B, 1, 1, 1) float32 in (0, 1).

        Returns:
          The frame (B, H, W, 3) float32, not clipped, and the flow (B, H, W, 4) by which the frames were warped.
        """
        height, small_height = (tf.cast(tf.shape(x)[1], tf.float32) for x in (curved0, flow))
        ratio = height / small_height
        full = flow if _is_part(flow, curved0, 1) else resize(flow, curved0)
        samples0 = sharp_samples(curved0, full, ratio, 0)
        samples1 = sharp_samples(curved1, full, ratio, 1)
        full *= ratio
        half = tf.shape(curved0)[1:3] // 2
        if not _is_part(flow, curved0, 2):
            flow = 0.5 * tf.image.resize(full, half, "bilinear")
        if not _is_part(hidden, curved0, 2):
            hidden = tf.image.resize(hidden, half, "nearest")
        seen = look(samples0, samples1, curved0, curved1, self.precision)
        x = joined([seen, steering(flow, t, self.precision), hidden], self.precision)
        x = self.out(self.conv2(self.conv1(x)))
        still = stillness(curved0, curved1)
        return blend(samples0, samples1, curved0, curved1, x, still, t), full
