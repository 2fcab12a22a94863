"""FBNet-R ("residual, recurrent"): the network that people use by default."""

from __future__ import annotations

from typing import ClassVar

import tensorflow as tf

from frame_booster.network.fbnet_r.candidates import OWN, Candidates, gather_candidates, warp_pair, weighed
from frame_booster.network.fbnet_r.encoder import Encoded, FrameEncoder
from frame_booster.network.fbnet_r.fusion import FLOW_UNIT, Fusion
from frame_booster.network.fbnet_r.judgement import Judgement
from frame_booster.network.fbnet_r.matching import MatchingOptions, match, resize
from frame_booster.network.fbnet_r.selection import Selection
from frame_booster.network.layers import Stage, Tensor
from frame_booster.network.prediction import Choice, Prediction
from frame_booster.network.pyramid import halve


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
    """Whether `t` other than 1/2 can be asked for directly."""

    def __init__(
        self, precision: str = "float32", matching: MatchingOptions | None = None, name: str = "fbnet_r"
    ) -> None:
        super().__init__(name)
        self.precision = precision
        self.matching = matching or MatchingOptions()
        self.encoder = FrameEncoder(precision)
        self.judgement = Judgement(precision)
        self.selection = Selection(precision)
        self.fusion = Fusion(precision)
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.encoder, self.judgement, self.selection, self.fusion]

    def encode(self, frame: Tensor) -> Encoded:
        """Encodes (B, H, W, 3) float32 RGB in [0, 1], H and W multiples of 16."""
        encoded: Encoded = self.encoder(frame)
        return encoded

    def call(self, frame0: Tensor, frame1: Tensor, t: Tensor | None = None) -> Prediction:
        """Predicts the frame at time t.

        Args:
          frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1], H and W multiples of 16.
          t: (B,) float32 in (0, 1), 0 being frame 0; None is 1/2.

        Returns:
          The prediction; its flows are those at 1/2 and 1, px of the level.
        """
        return self.decode(self.encode(frame0), self.encode(frame1), t)

    def between(self, frames: Tensor, first: Tensor, second: Tensor, t: Tensor) -> Prediction:
        """Predicts a frame for each of B pairs out of F frames; each frame is encoded once.

        Args:
          frames: (F, H, W, 3) as in `call`.
          first, second: (B,) int32, indices into `frames`.
          t: (B,) float32 in (0, 1).
        """
        encoded = self.encode(frames)
        pair = [tf.nest.map_structure(lambda x, i=index: tf.gather(x, i), encoded) for index in (first, second)]
        return self.decode(pair[0], pair[1], t)

    def decode(self, encoded0: Encoded, encoded1: Encoded, t: Tensor | None = None) -> Prediction:
        """Predicts the frame between two encoded frames; `t` as in `call`."""
        frames0, frames1 = encoded0.frames, encoded1.frames
        if t is None:
            t = tf.fill(tf.shape(frames0[0])[:1], 0.5)
        t = tf.reshape(t, [-1, 1, 1, 1])
        # No gradient: the search is right or wrong by whole pixels; the selection learns what it lacks.
        motion = tf.stop_gradient(match(frames0, frames1, t, self.matching))
        candidates = gather_candidates(frames0[1], frames1[1], motion, t)
        context = self.judgement(self._surroundings(encoded0, encoded1, motion, candidates, t))
        weights0, weights1, hidden = self.selection(candidates, context)
        flow0 = t * weighed(weights0, candidates.motions)
        flow1 = (t - 1.0) * weighed(weights1, candidates.motions)
        flow = 2.0 * resize(tf.concat([flow0, flow1], -1), frames0[0])
        rgb, last = self.fusion(frames0[0], frames1[0], flow, hidden, t)
        flows = [(flow0, flow1), (last[..., :2], last[..., 2:])]
        choices = tuple(
            Choice(weights, tf.stack(seen, -2))
            for weights, seen in ((weights0, candidates.seen0), (weights1, candidates.seen1))
        )
        return Prediction(frame=tf.clip_by_value(rgb, 0.0, 1.0), unclipped=rgb, flows=flows, choices=choices)

    @staticmethod
    def _surroundings(
        encoded0: Encoded, encoded1: Encoded, motion: Tensor, candidates: Candidates, t: Tensor
    ) -> list[list[Tensor]]:
        """Returns what the judgement sees at 1/16, 1/8 and 1/4."""
        flow, costs = tf.concat([t * motion, (t - 1.0) * motion], -1), candidates.costs
        own = [candidates.seen0[OWN], candidates.seen1[OWN]]
        seen: list[list[Tensor]] = []
        for level in range(3):
            flow, costs = halve(flow) / 2.0, halve(costs)
            features = warp_pair(encoded0.features[level], encoded1.features[level], flow)
            seen.insert(0, [*features, 10.0 * costs, FLOW_UNIT * flow, tf.zeros_like(flow[..., :1]) + t])
        seen[-1] += [tf.nn.space_to_depth(x, 2) for x in (*own, 10.0 * candidates.costs)]
        return seen
