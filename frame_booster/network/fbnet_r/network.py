"""FBNet-R: block matching, a learned choice among the motions found, and a blend of both warped frames at full size.

docs/models.md lists the stages, the other modules of this package have the details. Sizes such as 1/2 and 1/8 are
relative to the frames on which motion is estimated, which flow_downscale makes smaller than the source frames. A flow
(B, h, w, 4) has (dy, dx) for frame 0, then for frame 1, in px, and is applied by backward warping:
`warped(x) = frame(x - flow(x))`.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import tensorflow as tf

from frame_booster.network.fbnet_r.candidates import (
    COUNT,
    OFFSETS,
    Candidates,
    chosen_flow,
    gather_candidates,
    seen_along,
    warp_pair,
)
from frame_booster.network.fbnet_r.descriptor import Descriptor
from frame_booster.network.fbnet_r.encoder import Encoded, FrameEncoder
from frame_booster.network.fbnet_r.exchange import exchanged, in_both_orders, repeated
from frame_booster.network.fbnet_r.fusion import FLOW_UNIT, Fusion
from frame_booster.network.fbnet_r.judgement import Judgement
from frame_booster.network.fbnet_r.matching import FINEST, MatchingOptions, contrast, search, spread
from frame_booster.network.fbnet_r.neighbourhood import flat, resize
from frame_booster.network.fbnet_r.recall import Recall, Recalled
from frame_booster.network.fbnet_r.refinement import motion_to_flow, refine
from frame_booster.network.fbnet_r.selection import HIDDEN, Selection
from frame_booster.network.fbnet_r.sharp import with_curvature
from frame_booster.network.interface import FrameCoding, MotionMap, StripSupport
from frame_booster.network.layers import Stage, Tensor
from frame_booster.network.prediction import Choice, Prediction, Proposal
from frame_booster.network.resample import halve

RECALLED = 3
"""Motions by the search and by descriptors are compared at 1/2**RECALLED."""


class Found(NamedTuple):
    """The result of motion estimation, the input of the fusion at full resolution."""

    flow: Tensor
    """(B, h, w, 4) float32 px of that size, the size at which motion is estimated; as in `candidates.warp_pair`."""
    hidden: Tensor
    """(B, h/2, w/2, HIDDEN), hidden state of the selection."""
    choices: tuple[Choice, ...]
    """As in `Prediction`; empty if not `taught`."""
    proposal: Proposal | None = None
    """As in `Prediction`; None if not `taught`."""


class FBNetR(Stage):
    """Predicts the frame at any time t between two frames.

    Args:
      precision: dtype of the convolutions; matching, flows, warps and the blend are float32.
      matching: constants of the search.
    """

    network_name: ClassVar[str] = "fbnet-r"
    multiple: ClassVar[int] = 16
    """H and W of the input must be multiples of this, and at least twice this, px."""
    any_timestep: ClassVar[bool] = True
    """`t` may be any time in (0, 1)."""
    max_flow_downscale: ClassVar[int] = 4
    """Frames may be downscaled by up to 2**4 before motion is estimated."""

    def __init__(
        self, precision: str = "float32", matching: MatchingOptions | None = None, name: str = "fbnet_r"
    ) -> None:
        super().__init__(name)
        self.precision = precision
        self.matching = matching or MatchingOptions()
        self.encoder = FrameEncoder(precision)
        # Descriptors are normalised, so the values before that are unbounded: up to 1.8e6; float16 ends at 65,504.
        self.descriptor = Descriptor("float32" if precision == "float16" else precision)
        # The choice is hard: bfloat16 turns a difference of 1e-6 into one of 1e-2, so that exchanged frames could get
        # completely different motions.
        self.recall = Recall("float32")
        self.judgement = Judgement(precision)
        self.selection = Selection(precision)
        self.fusion = Fusion(precision)
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.encoder, self.descriptor, self.recall, self.judgement, self.selection, self.fusion]

    @property
    def frame_coding(self) -> FrameCoding:
        """The network itself: it encodes frames separately."""
        return self

    @property
    def strips(self) -> StripSupport:
        """Support of strips: only `fuse` works at full size, and it depends on few px besides the motion itself."""
        maps = (MotionMap(4, 1, "float32"), MotionMap(HIDDEN, 2, self.precision))
        return StripSupport(self._find_on_frames, self._fuse_strip, maps)

    def _find_on_frames(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> list[Tensor]:
        found = self.find(self.encode(frame0), self.encode(frame1), t)
        return [found.flow, found.hidden]

    def _fuse_strip(self, frame0: Tensor, frame1: Tensor, maps: list[Tensor], t: Tensor) -> Tensor:
        flow, hidden = maps
        made, _ = self.fuse(with_curvature(frame0), with_curvature(frame1), flow, hidden, t)
        return made

    def encode(self, frame: Tensor, flow_downscale: int = 0, downscaled: Tensor | None = None) -> Encoded:
        """Encodes (B, H, W, 3) float32 RGB in [0, 1], H and W multiples of 16 * 2**flow_downscale; `downscaled` as in
        `between`."""
        encoded: Encoded = self.encoder(
            frame, matching=self.matching, flow_downscale=flow_downscale, downscaled=downscaled
        )
        return encoded._replace(described=self.descriptor(encoded.frames[0]))

    def call(self, frame0: Tensor, frame1: Tensor, t: Tensor | None = None, flow_downscale: int = 0) -> Prediction:
        """Predicts the frame at time t.

        Args:
          frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1], H and W multiples of 16 * 2**flow_downscale.
          t: (B,) float32 in (0, 1), 0 being frame 0; None is 1/2.
          flow_downscale: log2 of the factor by which frames are downscaled before motion is estimated. A larger one is
            faster, and larger motion is found.

        Returns:
          The prediction; its flows are those at 1/2 and 1, px of the level.
        """
        return self.decode(self.encode(frame0, flow_downscale), self.encode(frame1, flow_downscale), t, taught=True)

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
          first, second: (B,) int32, indices into `frames`.
          t: (B,) float32 in (0, 1).
          flow_downscale: as in `call`.
          downscaled: (F, h, w, 3), the downscaled frames, if the caller has them.
        """
        encoded = self.encode(frames, flow_downscale, downscaled)
        pair = [tf.nest.map_structure(lambda x, i=index: tf.gather(x, i), encoded) for index in (first, second)]
        return self.decode(pair[0], pair[1], t)

    def decode(
        self, encoded0: Encoded, encoded1: Encoded, t: Tensor | None = None, *, taught: bool = False
    ) -> Prediction:
        """Predicts the frame between two encoded frames; `t` as in `call`, `taught` as in `find`."""
        if t is None:
            t = tf.fill(tf.shape(encoded0.curved)[:1], 0.5)
        found = self.find(encoded0, encoded1, t, taught=taught)
        rgb, full = self.fuse(encoded0.curved, encoded1.curved, found.flow, found.hidden, t)
        half = 0.5 * halve(found.flow)
        flows = [(half[..., :2], half[..., 2:]), (full[..., :2], full[..., 2:])]
        frame = tf.clip_by_value(rgb, 0.0, 1.0)
        return Prediction(frame=frame, unclipped=rgb, flows=flows, choices=found.choices, proposal=found.proposal)

    def fuse(self, curved0: Tensor, curved1: Tensor, flow: Tensor, hidden: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the frame from the result of `find`; shapes as in `Fusion.call`, but t is (B,).

        It depends on few px besides the motion itself, so that a frame can be computed in strips.
        """
        flow = self._approached(curved0, curved1, flow)
        frame, full = self.fusion(curved0, curved1, flow, hidden, tf.reshape(t, [-1, 1, 1, 1]))
        return frame, full

    def _approached(self, curved0: Tensor, curved1: Tensor, flow: Tensor) -> Tensor:
        """Upsamples a flow from 1/4 or less of the frames' size to 1/2, with a Lucas-Kanade step at each size.

        A further step at full size would improve next to nothing, at four times the cost.
        """
        height, found_height = curved0.shape[1], flow.shape[1]
        if height is None or found_height is None:
            return flow  # Sizes are unknown only during an export, which estimates motion at full size.
        looks = []
        while 2 * found_height < height:
            curved0, curved1, height = halve(curved0), halve(curved1), height // 2
            looks.append([contrast(curved[..., :3], self.matching) for curved in (curved0, curved1)])
        for looks0, looks1 in reversed(looks):
            flow = refine(looks0, looks1, 2.0 * resize(flow, looks0))
        return flow

    def find(self, encoded0: Encoded, encoded1: Encoded, t: Tensor, *, taught: bool = False) -> Found:
        """Estimates the motion between two encoded frames for the frame at time t.

        Args:
          encoded0, encoded1: the encoded frames.
          t: (B,) float32 in (0, 1).
          taught: whether to return `choices` and `proposal`, which only losses need: tracing them takes 0.25 s.
        """
        frames0, frames1 = encoded0.frames, encoded1.frames
        t = tf.reshape(t, [-1, 1, 1, 1])
        looks0, looks1 = encoded0.looks, encoded1.looks
        recalled = self.propose(encoded0, encoded1, t)
        options, at, finer = self.matching, RECALLED, slice(FINEST, RECALLED)
        # No gradient: the search errs by whole pixels, which the selection learns to correct.
        motion = tf.stop_gradient(spread(looks0[at], looks1[at], recalled.motion(), t, options.spread))
        motion = search(looks0[finer], looks1[finer], t, options, motion, stop=0)
        candidates = gather_candidates(frames0[1], frames1[1], motion, t)
        context = self.judgement(self._surroundings(encoded0, encoded1, motion, candidates, t))
        weights, hidden = self.selection(candidates, context)
        flow = chosen_flow(weights, candidates.motion, t, flat(OFFSETS))
        flow = refine(looks0[FINEST], looks1[FINEST], flow)
        flow = refine(looks0[0], looks1[0], 2.0 * resize(flow, looks0[0]))
        choices, proposal = [], None
        if taught:
            proposal = Proposal((encoded0.described, encoded1.described), *recalled)
            seen = seen_along(frames0[1], frames1[1], candidates.motion, t)
            choices = [Choice(weights[..., k * COUNT : (k + 1) * COUNT], seen[k]) for k in (0, 1)]
        return Found(flow, hidden, tuple(choices), proposal)

    def propose(self, encoded0: Encoded, encoded1: Encoded, t: Tensor) -> Recalled:
        """Estimates the motion at 1/8 by search and by descriptors; t is (B, 1, 1, 1)."""
        looks0, looks1 = encoded0.looks, encoded1.looks
        last = RECALLED - FINEST
        searched = tf.stop_gradient(search(looks0[FINEST:], looks1[FINEST:], t, self.matching, None, stop=last))
        described = encoded0.described, encoded1.described
        recalled: Recalled = self.recall(searched, (looks0[RECALLED], looks1[RECALLED]), described, t)
        return recalled

    def taught_proposal(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Proposal:
        """Returns the motion at 1/8 for its loss, without computing a frame; arguments as in `call`."""
        encoded0, encoded1 = self.encode(frame0), self.encode(frame1)
        recalled = self.propose(encoded0, encoded1, tf.reshape(t, [-1, 1, 1, 1]))
        return Proposal((encoded0.described, encoded1.described), *recalled)

    @staticmethod
    def _surroundings(
        encoded0: Encoded, encoded1: Encoded, motion: Tensor, candidates: Candidates, t: Tensor
    ) -> list[list[Tensor]]:
        """Returns the inputs of the judgement at 1/16, 1/8 and 1/4, in both orders."""
        flow, costs = motion_to_flow(motion, t), candidates.costs
        seen: list[list[Tensor]] = []
        for level in range(3):
            flow, costs = halve(flow) / 2.0, halve(costs)
            features = in_both_orders(*warp_pair(encoded0.features[level], encoded1.features[level], flow))
            flows, times = (tf.concat(both, 0) for both in ([flow, exchanged(flow)], [t, 1.0 - t]))
            times += tf.zeros_like(flows[..., :1])
            seen.insert(0, [*features, repeated(10.0 * costs), FLOW_UNIT * flows, times])
        own = in_both_orders(*(tf.nn.space_to_depth(x, 2) for x in candidates.own))
        seen[-1] += [*own, repeated(tf.nn.space_to_depth(10.0 * candidates.costs, 2))]
        return seen
