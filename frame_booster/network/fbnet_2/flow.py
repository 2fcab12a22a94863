"""FBNet-2, stage 2: bidirectional flow estimation to the wanted time, on one level of the pyramid."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from frame_booster.network.compiling import FEW_PIXELS, compiled, differentiable
from frame_booster.network.fbnet_2.correlation import correlation_within
from frame_booster.network.fbnet_2.residual import PReluConvolution, ResidualBlock, padded_channels
from frame_booster.network.fbnet_2.sizes import HIDDEN, MOTION
from frame_booster.network.layers import Convolution, Stage, Tensor, joined
from frame_booster.network.resample import doubled_by_gather
from frame_booster.network.warp import gather_warp, sampled
from frame_booster.network.warp_gradients import warp_gradients

CHEAP_PIXELS = 1 << 19
"""`least_pixels` for loops that are two or three passes over a few channels in plain operations."""


class Motion(NamedTuple):
    """Flows, mask and hidden features on one level."""

    motion: Tensor
    """(B, h, w, 5) float32: the flow that warps frame 0, (dy, dx) in px of the level, the flow that warps frame 1, and
    the logit of the mask (the share of frame 1). One map, since all of it is upsampled together."""
    hidden: Tensor
    """Hidden features, (B, h, w, HIDDEN) in the network's precision."""

    @property
    def flow(self) -> Tensor:
        """Both flows, (B, h, w, 4) float32."""
        return self.motion[..., :4]

    @property
    def mask(self) -> Tensor:
        """The logit of the mask, (B, h, w, 1) float32."""
        return self.motion[..., 4:]

    def enlarged(self, like: Tensor | None = None) -> Motion:
        """Returns the motion at twice the size, cropped to that of a map (B, H, W, C), which may be smaller."""
        # Scaled before it is enlarged: the same numbers, on a quarter of the pixels.
        larger = Motion(
            doubled_by_gather(self.motion * tf.constant([2.0, 2.0, 2.0, 2.0, 1.0])), doubled_by_gather(self.hidden)
        )
        if like is None or like.shape[1:3].as_list() == larger.motion.shape[1:3].as_list() != [None, None]:
            return larger
        height, width = tf.shape(like)[1], tf.shape(like)[2]
        return Motion(*(_cut(x, height, width, like) for x in larger))


def _cut(x: Tensor, height: Tensor, width: Tensor, like: Tensor) -> Tensor:
    made = x[:, :height, :width]
    made.set_shape([x.shape[0], *like.shape[1:3], x.shape[-1]])
    return made


def beginning(features: Tensor, t: Tensor) -> Motion:
    """Returns the initial motion: zero flow, and the share of each frame by its distance in time.

    Args:
      features: (B, h, w, C) of the coarsest level.
      t: (B, 1, 1, 1) float32 in (0, 1).
    """
    nothing = tf.zeros_like(features[..., :1], tf.float32)
    mask = nothing + tf.math.log(t / (1.0 - t))
    hidden = tf.zeros_like(features[..., :HIDDEN])
    return Motion(tf.concat([nothing, nothing, nothing, nothing, mask], -1), hidden)


def warp_first(features: Tensor, motion: Tensor) -> Tensor:
    """Warps frame 0 or its features (B, h, w, C) by their half of a motion (B, h, w, 5)."""
    return gather_warp(features, motion[..., :2])


def warp_second(features: Tensor, motion: Tensor) -> Tensor:
    """Warps frame 1 or its features in the same way."""
    return gather_warp(features, motion[..., 2:4])


def warp_one(image: Tensor, motion: Tensor, of: Any) -> Tensor:
    """Warps frame 0 or frame 1, or its features; `of`, a number or a tensor, says which frame."""
    if isinstance(of, int):
        return sampled(image, motion[..., 2:4] if of else motion[..., :2])
    return sampled(image, tf.where(tf.equal(of, 0), motion[..., :2], motion[..., 2:4]))


def corrected(motion: Tensor, out: Tensor) -> Tensor:
    """Returns a motion (B, H, W, 5) corrected by the outputs of fusion (B, H, W, 8), of any float dtype."""
    return motion + 2.0 * tf.cast(out[..., :5], tf.float32)


def _first_gradients(upstream: Tensor, image: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
    of_image, of_flow = warp_gradients(upstream, image, motion[..., :2])
    return of_image, tf.pad(of_flow, [[0, 0], [0, 0], [0, 0], [0, MOTION - 2]])


def _second_gradients(upstream: Tensor, image: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
    of_image, of_flow = warp_gradients(upstream, image, motion[..., 2:4])
    return of_image, tf.pad(of_flow, [[0, 0], [0, 0], [0, 0], [2, MOTION - 4]])


_trained_warps = (
    differentiable(compiled(warp_first), _first_gradients),
    differentiable(compiled(warp_second), _second_gradients),
)


def _trained_warp(image: Tensor, motion: Tensor, of: int) -> Tensor:
    return _trained_warps[of](image, motion)


def _changed(motion: Tensor, change: Tensor) -> Tensor:
    return motion + tf.cast(change, tf.float32) * tf.constant([4.0, 4.0, 4.0, 4.0, 1.0])


def _seen(motion: Tensor, t: Tensor) -> Tensor:
    scaled = motion * tf.constant([0.25, 0.25, 0.25, 0.25, 1.0])
    return tf.concat([scaled, t + tf.zeros_like(motion[..., :1])], -1)


# A half of a flow is cut out within the loop: as an operation of its own that costs as much as the warp. Told by a
# number, not by a name, so that a loop is traced and compiled once for both frames.
warped = compiled(warp_one, training=_trained_warp, least_pixels=FEW_PIXELS, any_channels=True)
"""`warp_one` as one compiled loop."""
changed = compiled(_changed, least_pixels=CHEAP_PIXELS)
"""Adds to a motion (B, h, w, 5) its change from a convolution, whose unit of flow is 4 px."""
seen_motion = compiled(_seen, least_pixels=CHEAP_PIXELS)
"""Converts a motion (B, h, w, 5) and t (B, 1, 1, 1) to the input of convolutions, (B, h, w, 6): 4 px a unit of flow."""
SEEN = 6
"""Number of channels of `seen_motion`."""


class FlowEstimation(Stage):
    """Estimates a correction of flow and mask from the features of both frames, warped by the flow so far.

    Args:
      channels: of the features.
      width: channels of the convolutions.
      blocks: residual blocks.
      reach: of the correlation, px; 0 is none.
    """

    def __init__(self, channels: int, width: int, blocks: int, reach: int, precision: str, name: str) -> None:
        super().__init__(name)
        self.precision = precision
        self._correlate = correlation_within(reach) if reach else None
        correlated = (2 * reach + 1) ** 2 if reach else 0
        inputs = padded_channels(2 * channels + SEEN + HIDDEN + correlated)
        self.head = PReluConvolution(inputs, width, precision=precision, name="head")
        self.blocks = [ResidualBlock(width, precision, f"block{k + 1}") for k in range(blocks)]
        # Zero at first: training begins from a blend of both frames, not from frames torn apart.
        self.out = Convolution(width, MOTION, slope=None, precision=precision, scale=0.0, name="out")
        self.hand_on = PReluConvolution(width, HIDDEN, precision=precision, name="hand_on")
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.head, *self.blocks, self.out, self.hand_on]

    def call(self, features0: Tensor, features1: Tensor, motion: Tensor, hidden: Tensor, t: Tensor) -> Motion:
        """Estimates the motion of this level.

        Args:
          features0, features1: (B, h, w, channels) of frame 0 and frame 1.
          motion, hidden: the estimate so far, as in `Motion`.
          t: (B, 1, 1, 1) float32 in (0, 1).
        """
        warped0, warped1 = warped(features0, motion, 0), warped(features1, motion, 1)
        seen = [warped0, warped1, seen_motion(motion, t), hidden]
        if self._correlate is not None:
            seen.append(self._correlate(warped0, warped1))
        x = self.head(joined(seen, self.precision))
        for block in self.blocks:
            x = block(x)
        return Motion(changed(motion, self.out(x)), self.hand_on(x))
