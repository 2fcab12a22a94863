"""Interpolation of several pairs in one call: for small frames, of which one alone does not keep a device busy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from frame_booster.engine.device import tensorflow
from frame_booster.engine.maker import Request
from frame_booster.engine.makers.alpha import blend_alpha
from frame_booster.engine.makers.plan_maker import plane_specs, tracing
from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.model import Model
from frame_booster.pixels import PixelLayout, Plane, Planes


class BatchMaker:
    """Interpolates batches of pairs; a `PlanMaker`.

    Args:
      model: network, weights and device.
      layout: of all frames.
      plan: with one strip. Shorter batches are filled up, so that nothing is compiled twice.
    """

    def __init__(self, model: Model, layout: PixelLayout, plan: Plan) -> None:
        self.model, self.layout, self.plan = model, layout, plan
        self._run = self._compile()

    @property
    def functions(self) -> list[Any]:
        """One function from planes to planes."""
        return [self._run]

    def _compile(self) -> Any:
        tf = tensorflow()
        from frame_booster.engine.colour import compiled_rgb_to_planes
        from frame_booster.engine.network_input import encode_planes

        network, layout, downscale = self.model.network, self.layout, self.plan.flow_downscale
        pairs = self.plan.batch_size
        signature = [
            plane_specs(layout, pairs + 1),
            tf.TensorSpec([pairs], tf.int32),
            tf.TensorSpec([pairs], tf.int32),
            tf.TensorSpec([pairs], tf.float32),
        ]

        @tf.function(input_signature=signature, autograph=False)
        def run(planes: Any, first: Any, second: Any, t: Any) -> Any:
            seen = encode_planes(planes, layout, network.multiple, downscale)
            prediction = network.between(seen.frames, first, second, t, downscale, seen.downscaled)
            return compiled_rgb_to_planes(prediction.unclipped, layout)

        with tracing(self.model.device):
            run.get_concrete_function()
        return run

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """Interpolates, batch after batch."""
        pairs = self.plan.batch_size
        made: list[Planes] = []
        for start in range(0, len(requests), pairs):
            made += self._make_batch(frames, requests[start : start + pairs])
        return made

    def _make_batch(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        pairs = self.plan.batch_size
        # A batch that has shrunk may need fewer of the frames.
        needed = sorted({k for r in requests for k in (r.first, r.second)})
        used = [frames[k] for k in needed]
        used += [used[-1]] * (pairs + 1 - len(used))
        filled = [*requests, *[requests[-1]] * (pairs - len(requests))]
        stacks = [np.stack(group) for group in zip(*used, strict=True)]
        with tensorflow().device(self.model.device):
            results = self._run(
                stacks,
                np.asarray([needed.index(r.first) for r in filled], np.int32),
                np.asarray([needed.index(r.second) for r in filled], np.int32),
                np.asarray([float(r.t) for r in filled], np.float32),
            )
        arrays: list[Plane] = [result.numpy() for result in results]
        return [self._planes(arrays, k, frames, request) for k, request in enumerate(requests)]

    def _planes(self, arrays: list[Plane], index: int, frames: Sequence[Planes], request: Request) -> Planes:
        colour = tuple(array[index] for array in arrays)
        if not self.layout.alpha:
            return colour
        return (*colour, blend_alpha(frames[request.first], frames[request.second], float(request.t), self.layout))
