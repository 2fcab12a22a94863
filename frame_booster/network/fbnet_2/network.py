"""FBNet-2: a coarse-to-fine network that learns its motion, and blends both frames warped at full size.

Inputs
  frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1]; H and W multiples of 16 * 2^k and at least twice that, px.
  t: (B,) float32 in (0, 1), the wanted time, 0 being frame 0. Any time is interpolated directly.
  k = flow_downscale: flow is estimated on the frames downscaled by 2^k (area averaging); h = H / 2^k, w = W / 2^k.

Outputs (`Prediction`)
  frame: (B, H, W, 3) float32 RGB in [0, 1], the interpolated frame; `unclipped` is the same before clipping.
  flows: for every estimation below, in running order, then at full size: the pair of flows that warp frame 0 and
    frame 1, each (B, height, width, 2) float32.
  masks: for each of these the logit of frame 1's share, (B, height, width, 1) float32.

Flow convention. A flow is (dy, dx) in px of its level, from the wanted time to a frame, and is applied by backward
warping, as `dense_image_warp` does: `warped(x) = frame(x - flow(x))`, bilinear, clamped at the border. (The reference,
in PyTorch, has (x, y) and `frame(p + flow(p))`: `conversion.py` folds that into the weights.) Of the two flows, of the
mask and of what a level hands on, (B, height, width, 4 + 1 + 16), all is enlarged bilinearly by 2 from level to level,
flows also multiplied by 2. The mask is a logit: frame 1's share of the interpolated frame.

Architecture, in the order in which it runs. Convolutions are 3x3, "same", with bias and PReLU, unless stated. A
residual block is two of them, the input being added before the second PReLU.
  1. Feature pyramid (`feature_pyramid.py`, 208,592 parameters), the same weights for both frames; a frame of two pairs
     is encoded once. The frame at the scale of the flow, less 0.45, passes one convolution of stride 2 to 1/2 (16
     channels), then a strided and a plain one each to 1/4, 1/8 and 1/16: (B, h/4, w/4, 32), (B, h/8, w/8, 64),
     (B, h/16, w/16, 96). Scales coarser than 1/16 come of the same weights on the frame halved once (1/32) or twice
     (1/64), of which only the 96 channels are kept: none where the longer side, max(h, w), is up to 256 px, one up to
     1280, two beyond. Where such a size is no multiple of 16, last row and column are repeated.
  2. Bidirectional flow estimation to the wanted time (`flow.py`), coarse to fine. It begins with no motion and the mask
     log(t / (1 - t)). Each level warps both frames' features by the flow so far, concatenates them, flow / 4, mask, t
     and what the level before handed on to their correlation (`correlation.py`: cosines of frame 0 at p + d and
     frame 1 at p - d, d within the reach), and passes a convolution and residual blocks. From these a linear
     convolution returns the change of flow (times 4) and mask, and another what is handed on, 16 channels.
       a. `coarse` (128 channels, 3 blocks, reach 4; 1,251,749 parameters): at the coarsest scale, and by the same
          weights at every finer one up to 1/16.
       b. `sixteenth` (128 channels, 2 blocks, reach 4; 956,325 parameters): at 1/16 once more.
       c. `eighth` (80 channels, 3 blocks, reach 2; 488,597 parameters): at 1/8. Before and after it, where the longer
          side is beyond 512 px, flow is replaced by that of its surroundings, where that fits better
          (`surroundings.py`, no weights).
       d. `quarter` (48 channels, 2 blocks, no correlation; 130,549 parameters): at 1/4.
  3. Fusion (`fusion.py`, 27,824 parameters), at the frames' own size whatever k. Flow, mask and what was handed on are
     enlarged to 1/2 of the frames, where flow is replaced by a neighbour's that fits both frames better
     (`propagation.py`, no weights) and moved by up to half a px to fit both (`fit.py`, nor that), and
     flow and mask to their size. Both frames are warped, each 2x2 of their pixels stacked into channels, and
     concatenated to flow / 4, mask, t and what was handed on: (B, H/2, W/2, 46). A convolution of 24 channels, one
     residual block and a linear convolution return, for each pixel, a change of both flows (times 2), of the mask
     (times 2) and a residual (times 0.1). Both frames are warped once more from their own pixels, blended by
     sigmoid(mask): the two flows are made those of one linear motion, brightness is sampled by a spline, and half of
     the residual is added (`linear_motion.py`).
  4. Stillness (`stillness.py`, no weights): where no value changes by more than 3/255 within 8 px, the frame is the
     plain blend of both, and from 8/255 on what fusion made.

Training leaves out `propagation.py`, `fit.py` and `linear_motion.py`, as the reference has none of them, and adds the
whole residual, unless its recipe says `refined = true`.

3,063,636 trainable parameters in all. 35,800 multiply-adds for each pixel of a frame of 1280x720 at k = 0, where a
frame's features count once; 14,100 at k = 1. Inputs of first convolutions are padded by zeros to multiples of 8
channels, as in the reference.

Precision. Convolutions run in the asked dtype; flows, warps, masks, correlation and sums of these are float32.

References
  - Warping, a local cost volume and estimation from coarse to fine: D. Sun et al., "PWC-Net", CVPR 2018.
  - Flow from the wanted time to both frames, found directly, with a mask: Z. Huang et al., "Real-Time Intermediate Flow
    Estimation for Video Frame Interpolation" (RIFE), ECCV 2022.
  - Flow to the wanted time together with features that are handed on: L. Kong et al., "IFRNet", CVPR 2022.
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
    """Returns a motion at 1/2 with flows that fit both frames better; its gradient is that of the motion as it was."""
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
    """Fusion is at full size whatever the scale of the flow."""

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
        """This network: the pyramid is shared, so that a frame is encoded without the other."""
        return self

    @property
    def strips(self) -> StripSupport:
        """Only fusion works at full size, and it looks no further than some px and the motion itself."""
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
          coarser: scales beyond 1/16; None: by the size of the frame, as `coarser_scales` says.
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
          flow_downscale: flow is estimated on frames downscaled by 2 to this: cheaper, and larger motion is in reach.
          coarser: as in `encode`.

        Returns:
          The prediction; its flows are those of every level, px of the level.
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
          downscaled: (F, h, w, 3), the frames downscaled so, where the caller has them.
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
        """Estimates flow and mask between two encoded frames as seen from t, (B,), level by level, to 1/4."""
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
        """Estimates at 1/16 once more, and at 1/8."""
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
