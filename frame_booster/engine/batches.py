"""Making frames between frames, batch by batch, from planes to planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from frame_booster.engine.device import tensorflow
from frame_booster.engine.halving import by_halving
from frame_booster.engine.model import Model
from frame_booster.pixels import PixelLayout, Plane, Planes

HALF = Fraction(1, 2)
PIXELS_PER_BATCH = 256 * 144 * 8
"""On a processor batches only spread the cost of a call; beyond this they cost cache."""


@dataclass(frozen=True)
class Request:
    """A frame to make: between frames `first` and `second` of a batch, at time `t` in (0, 1)."""

    first: int
    second: int
    t: Fraction = HALF


def default_batch_size(layout: PixelLayout, device: str) -> int:
    """Returns how many pairs to run at once for frames of this size."""
    pairs = PIXELS_PER_BATCH * (8 if "GPU" in device else 1) // (layout.width * layout.height)
    return max(1, min(8, pairs))


class BatchInterpolator:
    """Makes frames of one layout; compiles one function for it.

    Args:
      model: network, weights and device.
      layout: of all frames.
      batch_size: pairs a call; shorter batches are filled up, so that nothing is compiled twice.
    """

    def __init__(self, model: Model, layout: PixelLayout, batch_size: int | None = None) -> None:
        self.model, self.layout = model, layout
        self.batch_size = batch_size or default_batch_size(layout, model.device)
        self._run = self._compile()

    def _compile(self) -> Any:
        tf = tensorflow()
        from frame_booster.engine.colour import planes_to_rgb, rgb_to_planes

        network, layout = self.model.network, self.layout
        code = tf.as_dtype(layout.dtype)
        frames, pairs = self.batch_size + 1, self.batch_size
        signature = [
            [tf.TensorSpec([frames, *shape], code) for shape in layout.plane_shapes],
            tf.TensorSpec([pairs], tf.int32),
            tf.TensorSpec([pairs], tf.int32),
            tf.TensorSpec([pairs], tf.float32),
        ]

        @tf.function(input_signature=signature, autograph=False)
        def run(planes: Any, first: Any, second: Any, t: Any) -> Any:
            rgb = planes_to_rgb(planes, layout, network.multiple)
            made = rgb_to_planes(network.between(rgb, first, second, t).unclipped, layout)
            if layout.alpha:
                alpha = tf.cast(planes[-1], tf.float32)
                start, stop = tf.gather(alpha, first), tf.gather(alpha, second)
                mixed = start + t[:, None, None] * (stop - start)
                made.append(mixed if layout.floating else tf.cast(tf.cast(tf.round(mixed), tf.int32), code))
            return made

        return run

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """Makes the requested frames.

        Args:
          frames: at most `batch_size` + 1 frames.
          requests: any number.

        Returns:
          The made frames in the order of the requests.
        """
        if self.model.network.any_timestep or all(r.t == HALF for r in requests):
            made: list[Planes] = []
            for start in range(0, len(requests), self.batch_size):
                made += self._make_batch(frames, requests[start : start + self.batch_size])
            return made

        def middle(first: Planes, second: Planes) -> Planes:
            return self._make_batch([first, second], [Request(0, 1)])[0]

        return [by_halving(frames[r.first], frames[r.second], r.t, middle) for r in requests]

    def _make_batch(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        tf = tensorflow()
        filled = [*requests, *[requests[-1]] * (self.batch_size - len(requests))]
        used = [*frames, *[frames[-1]] * (self.batch_size + 1 - len(frames))]
        stacks = [np.stack(group) for group in zip(*used, strict=True)]
        with tf.device(self.model.device):
            results = self._run(
                stacks,
                np.asarray([r.first for r in filled], np.int32),
                np.asarray([r.second for r in filled], np.int32),
                np.asarray([float(r.t) for r in filled], np.float32),
            )
        arrays: list[Plane] = [result.numpy() for result in results]
        return [tuple(array[k] for array in arrays) for k in range(len(requests))]
