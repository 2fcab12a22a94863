"""FBNet-R, stage 1f: recall: the motion by descriptors replaces that of the search where the search lost an object.

The search is more exact, descriptors find larger motion. A few convolutions choose between them for each pixel. They
learn from motion that was labelled with the true frame (`training.losses.matching`).
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from frame_booster.network.fbnet_r.correlation import correlate, score_of, strongest
from frame_booster.network.fbnet_r.neighbourhood import box
from frame_booster.network.fbnet_r.refinement import slopes, step_motion
from frame_booster.network.layers import Convolution, Stage, Tensor
from frame_booster.network.warp import warp_by_motion

WIDTH = 40
SEEN = 16
"""Input channels of the convolutions."""
AROUND = 5
"""Side of the neighbourhood whose means are further inputs, px at 1/8."""
STEPS = 2
"""Lucas-Kanade steps from the strongest motion, which is exact to about a px."""
FAR, FAR_OUT = 8.0, 4.0
"""Limits of the inputs in px at 1/8: differences of two motions, and distance outside the frames."""
MARGIN = 3.0
"""By how many logits the score of the strongest motion must exceed that of the search, before training."""


class Recalled(NamedTuple):
    """Two motions at 1/8 and the choice between them."""

    searched: Tensor
    """(B, h, w, 2) float32 px at 1/8, from the search."""
    strongest: Tensor
    """(B, h, w, 2) float32 px at 1/8, with the highest score of the descriptors."""
    logit: Tensor
    """(B, h, w, 1) float32: above 0, `strongest` is chosen."""

    def motion(self) -> Tensor:
        """Returns the chosen motion, (B, h, w, 2) float32 px at 1/8."""
        return tf.where(self.logit > 0.0, self.strongest, self.searched)


def _outside(motion: Tensor, t: Tensor) -> Tensor:
    """Returns how far a motion points outside the frames, (B, h, w, 1) px, at most FAR_OUT."""
    height, width = tf.shape(motion)[1], tf.shape(motion)[2]
    places = tf.stack(tf.meshgrid(tf.range(height), tf.range(width), indexing="ij"), -1)
    places, last = tf.cast(places, tf.float32), tf.cast(tf.stack([height - 1, width - 1]), tf.float32)

    def beyond(at: Tensor) -> Tensor:
        return tf.reduce_sum(tf.nn.relu(-at) + tf.nn.relu(at - last), -1, keepdims=True)

    return tf.minimum(beyond(places - t * motion) + beyond(places + (1.0 - t) * motion), FAR_OUT)


def _apart(motion: Tensor, other: Tensor) -> Tensor:
    return tf.sqrt(tf.reduce_sum(tf.square(motion - other), -1, keepdims=True))


class Recall(Stage):
    """Chooses the motion by descriptors instead of the searched one where it is likelier."""

    def __init__(self, precision: str = "float32", name: str = "recall") -> None:
        super().__init__(name)
        self.conv1 = Convolution(SEEN, WIDTH, precision=precision, name="conv1")
        self.conv2 = Convolution(WIDTH, WIDTH, precision=precision, name="conv2")
        self.conv3 = Convolution(WIDTH, WIDTH, precision=precision, name="conv3")
        self.out = Convolution(WIDTH, 1, slope=None, precision=precision, scale=0.0, name="out")
        self.precision = precision
        self.built = True

    def parts(self) -> list[tf.keras.layers.Layer]:
        return [self.conv1, self.conv2, self.conv3, self.out]

    def call(
        self, searched: Tensor, looks: tuple[Tensor, Tensor], described: tuple[Tensor, Tensor], t: Tensor
    ) -> Recalled:
        """Finds the strongest motion by descriptors and compares it with the searched one.

        Args:
          searched: (B, h, w, 2) float32 px at 1/8, as `matching.search` returns it.
          looks: `matching.appearance` of both frames at 1/8, (B, h, w, 4) float32.
          described: descriptors of both frames, (B, h, w, C) float32.
          t: (B, 1, 1, 1) float32 in (0, 1).
        """
        # No gradient: descriptors have a loss of their own.
        scores = tf.stop_gradient(correlate(*described, t))
        found = strongest(scores)
        for _ in range(STEPS):
            found = step_motion(
                found, slopes(warp_by_motion(looks[0], found, t), warp_by_motion(looks[1], found, t - 1))
            )
        likeness = [score_of(scores, motion) for motion in (searched, found)]
        costs = [self._cost(looks, motion, t) for motion in (searched, found)]
        seen = [0.2 * x for x in (*likeness, *(box(x, AROUND) for x in likeness))]
        seen.append((likeness[1] - tf.reduce_logsumexp(scores, -1, keepdims=True)) / 3.0)
        seen += [10.0 * x for x in (*costs, *(box(x, AROUND) for x in costs))]
        means = [box(motion, AROUND) for motion in (searched, found)]
        pairs = [(found, searched), (found, means[1]), (searched, means[0]), (found, means[0]), (searched, means[1])]
        seen += [0.25 * tf.minimum(_apart(*pair), FAR) for pair in pairs]
        seen += [0.5 * _outside(motion, t) for motion in (searched, found)]
        x = self.conv2(self.conv1(tf.stop_gradient(tf.concat(seen, -1))))
        x = self.out(self.conv3(x))
        return Recalled(searched, found, tf.cast(x, tf.float32) + likeness[1] - likeness[0] - MARGIN)

    @staticmethod
    def _cost(looks: tuple[Tensor, Tensor], motion: Tensor, t: Tensor) -> Tensor:
        difference = warp_by_motion(looks[0], motion, t) - warp_by_motion(looks[1], motion, t - 1.0)
        return tf.reduce_mean(tf.abs(difference), -1, keepdims=True)
