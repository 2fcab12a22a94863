"""Interpolation of several pairs in one call: for small frames, of which one alone does not keep a device busy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.maker import Request
from frame_booster.engine.makers.alpha import blend_alpha
from frame_booster.engine.memory_plan import Plan
from frame_booster.pixels import PixelLayout, Plane, Planes


class BatchMaker:
    """Interpolates batches of pairs; a `PlanMaker`.

    Args:
      model: network, weights and device.
      layout: of all frames.
      plan: with one strip. Shorter batches are filled up, so that nothing is compiled twice.
    """

    def __init__(self, model: LoadedNetwork, layout: PixelLayout, plan: Plan) -> None:
        self.layout, self.plan = layout, plan
        self.compiled = model.batch(layout, plan)

    def warm_up(self) -> None:
        """Has the function compiled."""
        self.compiled.warm_up()

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """Interpolates, batch after batch."""
        made: list[Planes] = []
        for batch in batches(requests, self.plan.batch_size):
            made += self._make_batch(frames, batch)
        return made

    def _make_batch(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        pairs = self.plan.batch_size
        needed = sorted({k for r in requests for k in (r.first, r.second)})
        used = [frames[k] for k in needed]
        used += [used[-1]] * (pairs + 1 - len(used))
        filled = [*requests, *[requests[-1]] * (pairs - len(requests))]
        arrays = self.compiled(
            used,
            np.asarray([needed.index(r.first) for r in filled], np.int32),
            np.asarray([needed.index(r.second) for r in filled], np.int32),
            np.asarray([float(r.t) for r in filled], np.float32),
        )
        return [self._planes(arrays, k, frames, request) for k, request in enumerate(requests)]

    def _planes(self, arrays: list[Plane], index: int, frames: Sequence[Planes], request: Request) -> Planes:
        colour = tuple(array[index] for array in arrays)
        if not self.layout.alpha:
            return colour
        return (*colour, blend_alpha(frames[request.first], frames[request.second], float(request.t), self.layout))


def batches(requests: Sequence[Request], pairs: int) -> Iterator[list[Request]]:
    """Yields the requests in batches of at most so many pairs, of at most one frame more than that.

    Pairs that follow each other share frames; those between which frames are left out, as for a lower rate, do not, and
    fewer of them make a batch.
    """
    batch: list[Request] = []
    used: set[int] = set()
    for request in requests:
        pair = {request.first, request.second}
        if batch and (len(batch) == pairs or len(used | pair) > pairs + 1):
            yield batch
            batch, used = [], set()
        batch.append(request)
        used |= pair
    if batch:
        yield batch
