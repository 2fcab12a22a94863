"""FBNet-R, stage 4: a last look at 1/2 resolution, then warp and blend at full resolution."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.fbnet_r.candidates import warp_pair
from frame_booster.network.fbnet_r.matching import resize
from frame_booster.network.fbnet_r.selection import HIDDEN
from frame_booster.network.layers import Convolution, Stage, Tensor, joined
from frame_booster.network.pyramid import halve

FLOW_UNIT = 0.1
"""Flows in px are scaled by this to be of the size of features."""
LAST_FLOW_UNIT, MASK_UNIT, RESIDUAL_UNIT = 0.3, 2.0, 0.02
"""For an output of 1: px, logits, and RGB in [0, 1].

Small where the loss is sensitive: one step of Adam moves all weights behind an output at once, and training would only
tremble around zero.
"""
STILL_BELOW, MOVING_ABOVE = 1.5 / 255.0, 4.0 / 255.0
STILL_REACH = 9
"""Side of the neighbourhood that must not change for a pixel to count as still, px at 1/2."""


def stillness(frame0: Tensor, frame1: Tensor) -> Tensor:
    """Tells where nothing happens: 1 where all around is unchanged, 0 where something changes.

    There the made frame is a plain blend, so that logos, subtitles and static pictures come through
    untouched whatever the network thinks.

    Args:
      frame0, frame1: (B, H, W, 3) float32.

    Returns:
      (B, H, W, 1) float32 in [0, 1].
    """
    change = tf.reduce_max(tf.abs(frame0 - frame1), -1, keepdims=True)
    change = tf.nn.max_pool2d(change, 2, 2, "VALID")
    change = tf.nn.max_pool2d(change, [STILL_REACH, 1], 1, "SAME")
    change = tf.nn.max_pool2d(change, [1, STILL_REACH], 1, "SAME")
    still = tf.clip_by_value((MOVING_ABOVE - change) / (MOVING_ABOVE - STILL_BELOW), 0.0, 1.0)
    return resize(still, frame0)


class Fusion(Stage):
    """Predicts a mask, a small residual and a last change of the flow, and blends the warped frames."""

    def __init__(self, precision: str = "float32", name: str = "fusion") -> None:
        super().__init__(name)
        width = 24
        inputs = 2 * 12 + 4 + 1 + 4 + HIDDEN + 1
        self.conv1 = Convolution(inputs, width, precision=precision, name="conv1")
        self.conv2 = Convolution(width, width, precision=precision, name="conv2")
        self.out = Convolution(width, 32, slope=None, precision=precision, scale=0.0, name="out")
        self.precision = precision
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.conv1, self.conv2, self.out]

    def call(self, frame0: Tensor, frame1: Tensor, flow: Tensor, hidden: Tensor, t: Tensor) -> list[Tensor]:
        """Makes the frame.

        Args:
          frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1].
          flow: (B, H, W, 4) float32 px, of `warp_pair`.
          hidden: (B, H/2, W/2, HIDDEN) from the selection.
          t: (B, 1, 1, 1) float32 in (0, 1).

        Returns:
          The frame (B, H, W, 3) float32, not clipped, and the final flow (B, H, W, 4).
        """
        warped0, warped1 = warp_pair(frame0, frame1, flow)
        half_flow = halve(flow)
        disagreement = tf.reduce_mean(tf.abs(warped0 - warped1), -1, keepdims=True)
        unmoved = halve(tf.reduce_mean(tf.abs(frame0 - frame1), -1, keepdims=True))
        seen = [
            tf.nn.space_to_depth(warped0, 2),
            tf.nn.space_to_depth(warped1, 2),
            5.0 * tf.nn.space_to_depth(disagreement, 2),
            5.0 * unmoved,
            FLOW_UNIT * half_flow,
            hidden,
            tf.zeros_like(unmoved) + t,
        ]
        x = joined(seen, self.precision)
        x = self.out(self.conv2(self.conv1(x)))
        out = tf.nn.depth_to_space(tf.cast(x, tf.float32), 2)
        flow += LAST_FLOW_UNIT * out[..., :4]
        warped0, warped1 = warp_pair(frame0, frame1, flow)
        # At a mask of 0 both frames count as near as they are in time.
        share1 = tf.sigmoid(MASK_UNIT * out[..., 4:5] + tf.math.log(t / (1.0 - t)))
        made = warped0 + share1 * (warped1 - warped0) + RESIDUAL_UNIT * out[..., 5:8]
        plain = frame0 + t * (frame1 - frame0)
        return [made + stillness(frame0, frame1) * (plain - made), flow]
