"""Making frames between frames, batch by batch, from planes to planes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from frame_booster.engine.device import tensorflow
from frame_booster.engine.makers.stream import StreamMaker
from frame_booster.engine.makers.strips import StripMaker
from frame_booster.engine.memory_plan import Plan, make_plan
from frame_booster.engine.model import Model
from frame_booster.engine.recursive_midpoint import by_halving
from frame_booster.errors import ModelError
from frame_booster.pixels import PixelLayout, Plane, Planes

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Request:
    """A frame to make: between frames `first` and `second` of a batch, at time `t` in (0, 1)."""

    first: int
    second: int
    t: Fraction = HALF


class _Way:
    """A plan and what is compiled for it; replaced as a whole, since calls may be under way in several threads."""

    def __init__(self, plan: Plan, single: StripMaker | StreamMaker | None = None, run: Any = None) -> None:
        self.plan = plan
        self.gate = threading.Semaphore(plan.at_once)
        self.single, self.run = single, run


class BatchInterpolator:
    """Makes frames of one layout; compiles one function for it.

    Args:
      model: network, weights and device.
      layout: of all frames.
      plan: how much at once; None is what `make_plan` says. Shorter batches are filled up, so that nothing is
        compiled twice. Where the device runs out of memory a smaller plan takes its place.
      warn: told when that has changed how frames are made.
    """

    def __init__(
        self, model: Model, layout: PixelLayout, plan: Plan | None = None, warn: Callable[[str], None] | None = None
    ) -> None:
        self.model, self.layout = model, layout
        self._warn = warn or (lambda text: None)
        self._shrinking = threading.Lock()
        self._way = self._prepared(plan or make_plan(layout, model))

    @property
    def plan(self) -> Plan:
        """How much is made at once by now."""
        return self._way.plan

    @property
    def batch_size(self) -> int:
        """Pairs a call."""
        return self.plan.batch_size

    @property
    def at_once(self) -> int:
        """Calls of `make` that may run at the same time; of more, some wait."""
        return self.plan.at_once

    def _prepared(self, plan: Plan) -> _Way:
        if plan.strips > 1:
            return _Way(plan, StripMaker(self.model, self.layout, plan))
        if plan.batch_size == 1 and hasattr(self.model.network, "encode"):
            return _Way(plan, StreamMaker(self.model, self.layout, plan))
        return _Way(plan, run=self._compile(plan))

    def _compile(self, plan: Plan) -> Any:
        tf = tensorflow()
        from frame_booster.engine.colour import compiled_planes_to_rgb, compiled_rgb_to_planes
        from frame_booster.network.compiling import compiling_ahead

        network, layout, halvings = self.model.network, self.layout, plan.halvings
        code = tf.as_dtype(layout.dtype)
        frames, pairs = plan.batch_size + 1, plan.batch_size
        signature = [
            [tf.TensorSpec([frames, *shape], code) for shape in layout.plane_shapes],
            tf.TensorSpec([pairs], tf.int32),
            tf.TensorSpec([pairs], tf.int32),
            tf.TensorSpec([pairs], tf.float32),
        ]

        @tf.function(input_signature=signature, autograph=False)
        def run(planes: Any, first: Any, second: Any, t: Any) -> Any:
            rgb = compiled_planes_to_rgb(planes, layout, network.multiple << halvings)
            more = {}
            if halvings:
                # From the planes, as strips do: to the bit the same, and less to read.
                halved = compiled_planes_to_rgb(planes, layout, network.multiple, halvings)
                more = {"halvings": halvings, "halved": halved}
            made = compiled_rgb_to_planes(network.between(rgb, first, second, t, **more).unclipped, layout)
            if layout.alpha:
                alpha = tf.cast(planes[-1], tf.float32)
                start, stop = tf.gather(alpha, first), tf.gather(alpha, second)
                mixed = start + t[:, None, None] * (stop - start)
                made.append(mixed if layout.floating else tf.cast(tf.cast(tf.round(mixed), tf.int32), code))
            return made

        with tf.device(self.model.device), compiling_ahead(self.model.device):
            run.get_concrete_function()
        return run

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """Makes the requested frames.

        Args:
          frames: any number, those that the requests name.
          requests: any number.

        Returns:
          The made frames in the order of the requests.
        """
        if self.model.network.any_timestep or all(r.t == HALF for r in requests):
            return self._make_batch(frames, requests)

        def middle(first: Planes, second: Planes) -> Planes:
            return self._make_batch([first, second], [Request(0, 1)])[0]

        return [by_halving(frames[r.first], frames[r.second], r.t, middle) for r in requests]

    def _make_batch(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        tf = tensorflow()
        while True:
            way = self._way
            try:
                with way.gate:
                    if way.single is not None:
                        return [way.single.make(frames[r.first], frames[r.second], float(r.t)) for r in requests]
                    made: list[Planes] = []
                    for start in range(0, len(requests), way.plan.batch_size):
                        made += self._run_batch(way, frames, requests[start : start + way.plan.batch_size])
                    return made
            except tf.errors.ResourceExhaustedError as error:
                with self._shrinking:
                    # Another call may have found it out first.
                    if self._way is way:
                        self._shrink(error)

    def _shrink(self, error: Exception) -> None:
        smaller = self.plan.smaller(self.model.network, self.layout.height)
        if smaller is None:
            raise ModelError(
                f"{self.model.device} has too little memory for {self.layout.width}x{self.layout.height}",
                hint="give --device cpu, or a smaller --flow-scale",
            ) from error
        if smaller.halvings != self.plan.halvings:
            self._warn("the device is short of memory: motion is looked for at half the scale")
        self._way = self._prepared(smaller)

    def _run_batch(self, way: _Way, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        tf = tensorflow()
        batch_size = way.plan.batch_size
        # A batch that has shrunk may need fewer of the frames.
        needed = sorted({k for r in requests for k in (r.first, r.second)})
        used = [frames[k] for k in needed]
        used += [used[-1]] * (batch_size + 1 - len(used))
        filled = [*requests, *[requests[-1]] * (batch_size - len(requests))]
        stacks = [np.stack(group) for group in zip(*used, strict=True)]
        with tf.device(self.model.device):
            results = way.run(
                stacks,
                np.asarray([needed.index(r.first) for r in filled], np.int32),
                np.asarray([needed.index(r.second) for r in filled], np.int32),
                np.asarray([float(r.t) for r in filled], np.float32),
            )
        arrays: list[Plane] = [result.numpy() for result in results]
        return [tuple(array[k] for array in arrays) for k in range(len(requests))]
