"""FBNet-R ("residual, recurrent"): the network that people use by default."""

from __future__ import annotations

from typing import ClassVar

import tensorflow as tf

from frame_booster.network.fbnet_r.correction import (
    FLOW_UNIT,
    HIDDEN,
    evidence,
    make_corrections,
    warp_pair,
)
from frame_booster.network.fbnet_r.encoder import Encoded, FrameEncoder
from frame_booster.network.fbnet_r.fusion import Fusion
from frame_booster.network.fbnet_r.matching import MatchingOptions, match, resize
from frame_booster.network.layers import Stage, Tensor
from frame_booster.network.prediction import Prediction
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
        self.corrections = make_corrections(precision)
        self.fusion = Fusion(precision)
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.encoder, *self.corrections, self.fusion]

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
          The prediction; its flows are those at 1/16, 1/8, 1/4 and 1, px of the level.
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
        # No gradient: the search is right or wrong by whole pixels; the corrections learn what it lacks.
        motion = tf.stop_gradient(match(frames0, frames1, t, self.matching))
        # Flow at 1/2 as matching found it, with its sharp boundaries, and its means at 1/4, 1/8, 1/16.
        matched = tf.concat([t * motion, (t - 1.0) * motion], -1)
        bases = [halve(matched) / 2.0]
        for _ in range(2):
            bases.insert(0, halve(bases[0]) / 2.0)

        flows = []
        change: Tensor | None = None
        hidden: Tensor = None
        for correct, base, level in zip(self.corrections, bases, (2, 1, 0), strict=True):
            if change is None:
                change = tf.zeros_like(base)
                hidden = tf.zeros_like(base[..., :1]) + tf.zeros([HIDDEN])
            else:
                change, hidden = 2.0 * resize(change, base), resize(hidden, base)
            flow = base + change
            features = warp_pair(encoded0.features[level], encoded1.features[level], flow)
            small = warp_pair(frames0[level + 2], frames1[level + 2], flow)
            seen = [*features, evidence(*small), FLOW_UNIT * flow, tf.zeros_like(flow[..., :1]) + t, hidden]
            if level == 0:
                closer = warp_pair(frames0[1], frames1[1], matched + 2.0 * resize(change, matched))
                seen += [tf.nn.space_to_depth(x, 2) for x in closer]
            found, hidden = correct(seen)
            change += found
            flow = base + change
            flows.append((flow[..., :2], flow[..., 2:]))
        flow = 2.0 * resize(matched + 2.0 * resize(change, matched), frames0[0])
        rgb, flow = self.fusion(frames0[0], frames1[0], flow, hidden, t)
        flows.append((flow[..., :2], flow[..., 2:]))
        return Prediction(frame=tf.clip_by_value(rgb, 0.0, 1.0), unclipped=rgb, flows=flows)
