"""FBNet-2: learned optical flow from coarse to fine, and a blend of both warped frames at full size.

Inputs
  frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1]; H and W multiples of 16 * 2^k and at least twice that, px.
  t: (B,) float32 in (0, 1), the wanted time; 0 is frame 0. Any time is interpolated directly.
  k = flow_downscale: flow is estimated on frames downscaled by 2^k (area averaging); h = H / 2^k, w = W / 2^k.

Outputs (`Prediction`)
  frame: (B, H, W, 3) float32 RGB in [0, 1], the interpolated frame; `unclipped` is the same before clipping.
  flows: for every estimation below, in order, then at full size: the pair of flows that warp frame 0 and frame 1,
    each (B, height, width, 2) float32.
  masks: for each of these the logit of the share of frame 1, (B, height, width, 1) float32.

Flow convention. A flow is (dy, dx) in px of its level, from the wanted time to a frame, and is applied by backward
warping, like `dense_image_warp`: `warped(x) = frame(x - flow(x))`, bilinear, clamped at the border. (The PyTorch
reference uses (x, y) and `frame(p + flow(p))`; `conversion.py` folds the difference into the weights.) From level to
level both flows, the mask and the hidden features, (B, height, width, 4 + 1 + 16), are upsampled bilinearly by 2, and
flows are multiplied by 2. The mask is a logit: the share of frame 1 in the interpolated frame.

Architecture, in the order of execution. Convolutions are 3x3, "same", with bias and PReLU, unless stated otherwise. A
residual block is two of them; its input is added before the second PReLU.
  1. Feature pyramid (`feature_pyramid.py`, 208,592 parameters), with the same weights for both frames; a frame that
     belongs to two pairs is encoded once. The frame at the scale of the flow, minus 0.45, passes one convolution of
     stride 2 to 1/2 (16 channels), then a strided and a plain one each to 1/4, 1/8 and 1/16: (B, h/4, w/4, 32),
     (B, h/8, w/8, 64), (B, h/16, w/16, 96). Scales coarser than 1/16 use the same weights on the frame halved once
     (1/32) or twice (1/64), and only the 96 channels: none if the longer side, max(h, w), is up to 200 px, one up to
     400, two beyond. If such a size is not a multiple of 16, the last row and column are repeated.
  2. Bidirectional flow estimation to the wanted time (`flow.py`), from coarse to fine, starting with zero flow and the
     mask log(t / (1 - t)). Each level warps the features of both frames by the flow so far, concatenates them with
     flow / 4, mask, t, the hidden features of the level before and the correlation (`correlation.py`: cosines of
     frame 0 at p + d and frame 1 at p - d, for d within the reach), and applies a convolution and residual blocks. From
     the result, one linear convolution returns the change of flow (times 4) and mask, and another the 16 hidden
     features.
       a. `coarse` (128 channels, 3 blocks, reach 4; 1,251,749 parameters): at the coarsest scale, and with the same
          weights at every finer one up to 1/16.
       b. `sixteenth` (128 channels, 2 blocks, reach 4; 956,325 parameters): again at 1/16.
       c. `eighth` (80 channels, 3 blocks, reach 2; 488,597 parameters): at 1/8. Before and after it, if the longer side
          is over 512 px, flow is replaced by that of its surroundings where that fits better (`surroundings.py`, no
          weights).
       d. `quarter` (48 channels, 2 blocks, no correlation; 130,549 parameters): at 1/4.
  3. Fusion (`fusion.py`, 27,824 parameters), at the size of the frames for any k. Flow, mask and hidden features are
     upsampled to 1/2 of the frames. There, flow is replaced by that of a neighbour that fits both frames better
     (`propagation.py`, no weights) and moved by up to half a px to fit both (`fit.py`, no weights). Flow and mask are
     then upsampled to full size. Both frames are warped, each 2x2 of their pixels stacked into channels, and
     concatenated with flow / 4, mask, t and hidden features: (B, H/2, W/2, 46). A convolution of 24 channels, one
     residual block and a linear convolution return, for each pixel, a change of both flows (times 2) and of the mask
     (times 2), and a residual (times 0.1). The original frames are warped by the corrected flows and blended by
     sigmoid(mask): both flows are made parts of one linear motion, brightness is sampled by a spline, and half of the
     residual is added (`linear_motion.py`).
  4. Stillness (`stillness.py`, no weights): where no value changes by more than 3/255 within 8 px, the frame is the
     plain blend of both; from 8/255 on it is the result of fusion.

Training, like the reference, omits `propagation.py`, `fit.py` and `linear_motion.py` and adds the whole residual,
unless its recipe says `refined = true`.

3,063,636 trainable parameters in all. 36,300 multiply-adds per pixel of a 1280x720 frame at k = 0, if the features of a
frame are counted once; 14,250 at k = 1. Inputs of first convolutions are zero-padded to multiples of 8 channels, as in
the reference.

Precision. Convolutions run in the requested dtype; flows, warps, masks, correlation and their sums are float32.

References
  - Warping, a local cost volume and estimation from coarse to fine: D. Sun et al., "PWC-Net", CVPR 2018.
  - Flow from the wanted time to both frames, found directly, with a mask: Z. Huang et al., "Real-Time Intermediate Flow
    Estimation for Video Frame Interpolation" (RIFE), ECCV 2022.
  - Flow to the wanted time together with hidden features: L. Kong et al., "IFRNet", CVPR 2022.
  - Correlation symmetric about the wanted time: J. Park et al., "BMBC", ECCV 2020.
  - One set of weights for several scales: F. Reda et al., "FILM", ECCV 2022.
  - PReLU: K. He et al., "Delving Deep into Rectifiers", ICCV 2015.
"""

from __future__ import annotations

from typing import Any, ClassVar

import tensorflow as tf

from frame_booster.network.compiling import in_training, is_refined
from frame_booster.network.computations import computation
from frame_booster.network.fbnet_2.brightness import halved_luma
from frame_booster.network.fbnet_2.feature_pyramid import Encoded, FeaturePyramid
from frame_booster.network.fbnet_2.fit import fitted
from frame_booster.network.fbnet_2.flow import FlowEstimation, Motion, beginning
from frame_booster.network.fbnet_2.fusion import Fusion
from frame_booster.network.fbnet_2.propagation import propagated
from frame_booster.network.fbnet_2.sizes import (
    CHANNELS,
    FINEST,
    HIDDEN,
    MOTION,
    coarser_scales,
    propagation_step,
    tries_surroundings,
)
from frame_booster.network.fbnet_2.stillness import held_still
from frame_booster.network.fbnet_2.surroundings import fitting_surroundings
from frame_booster.network.interface import FrameCoding, MotionMap, StripSupport
from frame_booster.network.layers import Stage, Tensor
from frame_booster.network.prediction import Prediction
from frame_booster.network.resample import halve

FeaturePair = tuple[Tensor, Tensor]
"""Features (B, h, w, C) of both frames, of one level."""


def _refined(frame0: Tensor, frame1: Tensor, motion: Tensor, t: Tensor, downscale: int) -> Tensor:
    """Returns a motion at 1/2 with flows that fit both frames better; its gradient is that of the given motion."""
    known = tf.stop_gradient(motion) if in_training() else motion
    luma0, luma1 = halved_luma(frame0), halved_luma(frame1)
    better = fitted(luma0, luma1, propagated(luma0, luma1, known, propagation_step(downscale)), t)
    return motion + (better - known) if in_training() else better


class FBNet2(Stage):
    """Predicts the frame at any time t between two frames.

    Args:
      precision: dtype of the convolutions; flows, warps, masks and the blend are float32.
    """

    network_name: ClassVar[str] = "fbnet-2"
    multiple: ClassVar[int] = 16
    """H and W of the input must be multiples of this times 2**flow_downscale, and at least twice that, px."""
    any_timestep: ClassVar[bool] = True
    """t is an input of every level."""
    max_flow_downscale: ClassVar[int] = 4
    """Fusion is at full size for any scale of the flow."""

    def __init__(self, precision: str = "float32", name: str = "fbnet_2") -> None:
        super().__init__(name)
        self.precision = precision
        self.pyramid = FeaturePyramid(precision)
        _, quarter, eighth, sixteenth = CHANNELS
        self.coarse = FlowEstimation(sixteenth, 128, 3, 4, precision, "coarse")
        self.sixteenth = FlowEstimation(sixteenth, 128, 2, 4, precision, "sixteenth")
        self.eighth = FlowEstimation(eighth, 80, 3, 2, precision, "eighth")
        self.quarter = FlowEstimation(quarter, 48, 2, 0, precision, "quarter")
        self.fusion = Fusion(precision)
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.pyramid, self.coarse, self.sixteenth, self.eighth, self.quarter, self.fusion]

    @property
    def frame_coding(self) -> FrameCoding:
        """This network: the pyramid is shared, so a frame can be encoded without the other."""
        return self

    @property
    def strips(self) -> StripSupport:
        """Strips of fusion, which alone works at full size, and sees no farther than some px and the motion itself."""
        maps = (MotionMap(MOTION, FINEST, "float32"), MotionMap(HIDDEN, FINEST, self.precision))
        return StripSupport(self._find, self._fuse, maps)

    def _find(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> list[Tensor]:
        return list(self.estimate(self.encode(frame0), self.encode(frame1), t)[-1])

    def _fuse(self, frame0: Tensor, frame1: Tensor, maps: list[Tensor], t: Tensor) -> Tensor:
        motion, hidden = maps
        return self.fuse(frame0, frame1, Motion(motion, hidden), t)[0]

    def encode(
        self, frame: Tensor, flow_downscale: int = 0, downscaled: Tensor | None = None, *, coarser: int | None = None
    ) -> Encoded:
        """Encodes frames.

        Args:
          frame, flow_downscale, downscaled: as `frames` and the others of `between`.
          coarser: number of scales coarser than 1/16; None: by the size of the frame (`coarser_scales`).
        """
        small = frame if downscaled is None else downscaled
        for _ in range(flow_downscale if downscaled is None else 0):
            small = halve(small)
        if coarser is None:
            coarser = coarser_scales(*small.shape[1:3])

        def pyramid(seen: Tensor) -> Any:
            return self.pyramid(seen, coarser=coarser)

        return Encoded(frame, computation(pyramid, small))

    def call(
        self,
        frame0: Tensor,
        frame1: Tensor,
        t: Tensor | None = None,
        flow_downscale: int = 0,
        coarser: int | None = None,
    ) -> Prediction:
        """Predicts the frame at time t.

        Args:
          frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1], H and W multiples of 16 * 2**flow_downscale.
          t: (B,) float32 in (0, 1), 0 being frame 0; None is 1/2.
          flow_downscale: flow is estimated on frames downscaled by 2 to the power of this, which is cheaper and
            reaches larger motion.
          coarser: as in `encode`.

        Returns:
          The prediction; its flows are those of every level, in px of the level.
        """
        encoded0, encoded1 = (self.encode(frame, flow_downscale, coarser=coarser) for frame in (frame0, frame1))
        return self.decode(encoded0, encoded1, t)

    def between(
        self,
        frames: Tensor,
        first: Tensor,
        second: Tensor,
        t: Tensor,
        flow_downscale: int = 0,
        downscaled: Tensor | None = None,
    ) -> Prediction:
        """Predicts a frame for each of B pairs out of F frames; each frame is encoded once.

        Args:
          frames: (F, H, W, 3) as in `call`.
          first, second: (B,) int32 or float32, indices into `frames`.
          t: (B,) float32 in (0, 1).
          flow_downscale: as in `call`.
          downscaled: (F, h, w, 3), the downscaled frames, if the caller has them.
        """
        encoded = self.encode(frames, flow_downscale, downscaled)

        def pairs(encoded: Encoded, first: Tensor, second: Tensor) -> list[Encoded]:
            indices = tf.cast(first, tf.int32), tf.cast(second, tf.int32)
            return [tf.nest.map_structure(lambda x, i=index: tf.gather(x, i), encoded) for index in indices]

        pair = computation(pairs, encoded, first, second)
        return self.decode(pair[0], pair[1], t)

    def decode(self, encoded0: Encoded, encoded1: Encoded, t: Tensor | None = None) -> Prediction:
        """Predicts the frame between two encoded frames; `t` as in `call`."""
        if t is None:
            t = tf.fill(tf.shape(encoded0.frame)[:1], 0.5)
        estimates = self.estimate(encoded0, encoded1, t)
        rgb, full = self.fuse(encoded0.frame, encoded1.frame, estimates[-1], t)
        motions = [*(estimate.motion for estimate in estimates), full]
        flows = [(motion[..., :2], motion[..., 2:4]) for motion in motions]
        masks = tuple(motion[..., 4:] for motion in motions)
        return Prediction(frame=tf.clip_by_value(rgb, 0.0, 1.0), unclipped=rgb, flows=flows, masks=masks)

    def estimate(self, encoded0: Encoded, encoded1: Encoded, t: Tensor) -> list[Motion]:
        """Estimates flow and mask from t, (B,), to two encoded frames, level by level, up to 1/4."""
        pairs = list(zip(encoded0.features, encoded1.features, strict=True))
        (quarter, eighth), sixteenths = pairs[:2], pairs[2:]
        estimates = computation(self._estimate_coarse, sixteenths, t)
        estimates = [*estimates, *computation(self._estimate_eighth, estimates[-1], sixteenths[0], eighth, t)]
        return [*estimates, computation(self._estimate_quarter, estimates[-1], quarter, t)]

    def _estimate_coarse(self, sixteenths: list[FeaturePair], t: Tensor) -> list[Motion]:
        t = tf.reshape(t, [-1, 1, 1, 1])
        known = beginning(sixteenths[-1][0], t)
        estimates: list[Motion] = []
        for features0, features1 in reversed(sixteenths):
            if estimates:
                known = estimates[-1].enlarged(features0)
            estimates.append(self.coarse(features0, features1, known.motion, known.hidden, t))
        return estimates

    def _estimate_eighth(self, known: Motion, sixteenth: FeaturePair, eighth: FeaturePair, t: Tensor) -> list[Motion]:
        """Estimates motion again at 1/16, and at 1/8."""
        t = tf.reshape(t, [-1, 1, 1, 1])
        estimates = [self.sixteenth(*sixteenth, *known, t)]
        known = estimates[-1].enlarged()
        sides = (None if side is None else side * 2 * FINEST for side in eighth[0].shape[1:3])
        tries = tries_surroundings(*sides)
        if tries:
            known = fitting_surroundings(known, *eighth)
        known = self.eighth(*eighth, *known, t)
        return [*estimates, fitting_surroundings(known, *eighth) if tries else known]

    def _estimate_quarter(self, known: Motion, quarter: FeaturePair, t: Tensor) -> Motion:
        made: Motion = self.quarter(*quarter, *known.enlarged(), tf.reshape(t, [-1, 1, 1, 1]))
        return made

    def fuse(self, frame0: Tensor, frame1: Tensor, found: Motion, t: Tensor) -> tuple[Tensor, Tensor]:
        """Interpolates the frame (B, H, W, 3), not clipped, from the motion at 1/4 of the scale of the flow.

        Also returns the motion at full size. Looks no further than some px and the motion itself, so that a frame can
        be interpolated in strips.
        """
        fused: tuple[Tensor, Tensor] = computation(self._fuse_frames, frame0, frame1, found, t)
        return fused

    def _fuse_frames(self, frame0: Tensor, frame1: Tensor, found: Motion, t: Tensor) -> tuple[Tensor, Tensor]:
        found = found.enlarged()
        height, found_height = frame0.shape[1], found.motion.shape[1]
        downscale = 0
        # Of an export neither is known; flow is estimated there at the frames' own size.
        while height is not None and found_height is not None and 2 * found_height < height:
            found = found.enlarged()
            found_height *= 2
            downscale += 1
        motion, t = found.motion, tf.reshape(t, [-1, 1, 1, 1])
        if is_refined():
            motion = _refined(frame0, frame1, motion, t, downscale)
        rgb, full = self.fusion(frame0, frame1, motion, found.hidden, t)
        return held_still(frame0, frame1, rgb, t), full
