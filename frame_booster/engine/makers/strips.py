"""Interpolation of a frame in strips of rows, so that its size does not decide how much memory it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from frame_booster.engine.code_values import padded
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.maker import Request
from frame_booster.engine.makers.alpha import blend_alpha
from frame_booster.engine.memory_plan import MARGIN, Plan
from frame_booster.pixels import PixelLayout, Plane, Planes


@dataclass(frozen=True)
class Strip:
    """Rows of a frame, px."""

    top: int
    """First row of the strip's share of the frame."""
    bottom: int
    """The row after its last."""
    seen: int
    """First of the rows that the network sees, which overlap with the neighbours'; for all strips equally many."""


def cut(height: int, strips: int, align: int) -> tuple[list[Strip], int]:
    """Cuts a frame into strips.

    Args:
      height: of the frame, a multiple of `align`, px.
      strips: how many, or fewer where that would leave one without rows.
      align: of which `Strip.seen` and all sides are multiples.

    Returns:
      The strips, and how many rows the network sees of each.
    """
    rows = -(-height // strips // align) * align
    seen_rows = min(height, rows + 2 * -(-MARGIN // align) * align)
    made = []
    for top in range(0, height, rows):
        seen = min(max(top - (seen_rows - rows) // 2 // align * align, 0), height - seen_rows)
        made.append(Strip(top, min(top + rows, height), seen))
    return made, seen_rows


class StripMaker:
    """Interpolates a frame strip by strip; a `PlanMaker`.

    Where the network has `strips`, motion is estimated once, on the whole frame.

    Args:
      model: network, weights and device.
      layout: of all frames.
      plan: with more than one strip.
    """

    def __init__(self, model: LoadedNetwork, layout: PixelLayout, plan: Plan) -> None:
        self.layout, self.plan = layout, plan
        align = model.network.multiple << plan.flow_downscale
        self._strips, rows = cut(padded(layout.height, align), plan.strips, align)
        self._part = replace(layout, height=rows)
        self.compiled = model.strips(layout, self._part, plan)

    def warm_up(self) -> None:
        """Does nothing: what takes one frame at a time is compiled by its first."""

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """Interpolates, frame after frame."""
        return [self._make_one(frames[r.first], frames[r.second], float(r.t)) for r in requests]

    def _make_one(self, first: Planes, second: Planes, t: float) -> Planes:
        time = np.full(1, t, np.float32)
        out: list[Any] = [np.empty(shape, self.layout.dtype) for shape in self.layout.plane_shapes]
        motion = self.compiled.find([p[None] for p in first], [p[None] for p in second], time)
        for strip in self._strips:
            parts = [[self._rows(p, k, strip)[None] for k, p in enumerate(frame)] for frame in (first, second)]
            made = self.compiled.fuse(parts[0], parts[1], time, motion, strip.seen)
            for k, (plane, result) in enumerate(zip(out, made, strict=False)):
                self._paste(plane, result[0], k, strip)
        if self.layout.alpha:
            out[-1] = blend_alpha(first, second, t, self.layout)
        return tuple(out)

    def _scale(self, index: int) -> int:
        chroma = self.layout.kind == "yuv" and index in (1, 2)
        return 1 << self.layout.log2_chroma_height if chroma else 1

    def _rows(self, plane: Plane, index: int, strip: Strip) -> Plane:
        """Returns the rows of a plane that the network sees of a strip; below the frame its last row is repeated."""
        down = self._scale(index)
        begin, wanted = strip.seen // down, -(-self._part.height // down)
        rows = plane[begin : begin + wanted]
        if len(rows) < wanted:
            rows = np.concatenate([rows, np.repeat(plane[-1:], wanted - len(rows), 0)])
        return np.ascontiguousarray(rows)

    def _paste(self, plane: Plane, made: Plane, index: int, strip: Strip) -> None:
        down = self._scale(index)
        top, bottom = strip.top // down, min(strip.bottom // down, len(plane))
        begin = (strip.top - strip.seen) // down
        plane[top:bottom] = made[begin : begin + bottom - top]
