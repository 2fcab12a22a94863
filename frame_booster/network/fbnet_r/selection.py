"""FBNet-R, stage 3c: the learned choice among the candidates, for each frame separately.

A choice has a better gradient than regression of a flow: the error of every candidate is known, not only the image
gradient at the current flow.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_r.candidates import COUNT, Candidates
from frame_booster.network.fbnet_r.exchange import in_both_orders, repeated
from frame_booster.network.fbnet_r.judgement import CONTEXT
from frame_booster.network.fbnet_r.neighbourhood import enlarge
from frame_booster.network.layers import Convolution, Stage, Tensor, joined

HIDDEN = 16
"""Channels of the hidden state for the fusion, half of them from each order of the frames."""
WIDTH = 24
LOGIT_UNIT = 5.0
"""Logits per unit of output: costs separate candidates by several logits, and the output has to outweigh them."""


def _chances(prior: Tensor, logits: Tensor, exchanged: Tensor) -> Tensor:
    both = []
    for k in (0, COUNT):
        mean = 0.5 * (logits[..., k : k + COUNT] + exchanged[..., COUNT - k : 2 * COUNT - k])
        both.append(tf.nn.softmax(prior + LOGIT_UNIT * mean, -1))
    return tf.concat(both, -1)


chances = compiled(_chances)
"""Weights of all candidates for frame 0 and for frame 1, (B, h, w, 2 COUNT), from the float32 logits of both orders;
one loop over the pixels, in XLA."""


class Selection(Stage):
    """Weights the candidates at 1/2; before training, by their costs alone."""

    def __init__(self, precision: str = "float32", name: str = "selection") -> None:
        super().__init__(name)
        self.precision = precision
        self.conv1 = Convolution(CONTEXT + COUNT + 6, WIDTH, precision=precision, name="conv1")
        self.conv2 = Convolution(WIDTH, WIDTH, precision=precision, name="conv2")
        self.logits = Convolution(WIDTH, 2 * COUNT, slope=None, precision=precision, scale=0.0, name="logits")
        self.handed_on = Convolution(WIDTH, HIDDEN // 2, precision=precision, name="handed_on")
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.conv1, self.conv2, self.logits, self.handed_on]

    def call(self, candidates: Candidates, context: Tensor) -> tuple[Tensor, Tensor]:
        """Weights the candidates.

        Args:
          candidates: candidates at 1/2.
          context: (2 B, H/4, W/4, CONTEXT), from the judgement.

        Returns:
          Weights for frame 0, then for frame 1, (B, h, w, 2 COUNT) float32, each half with sum 1; and the hidden state
          (B, h, w, HIDDEN).
        """
        costs = repeated(10.0 * candidates.costs)
        seen = [enlarge(context, candidates.costs), costs, *in_both_orders(*candidates.own)]
        x = self.conv2(self.conv1(joined(seen, self.precision)))
        logits = tf.split(tf.cast(self.logits(x), tf.float32), 2, 0)
        return chances(candidates.prior(), *logits), tf.concat(tf.split(self.handed_on(x), 2, 0), -1)
