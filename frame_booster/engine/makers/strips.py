"""Making a frame in strips of rows, so that its size does not decide how much memory that takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from frame_booster.engine.device import tensorflow
from frame_booster.engine.makers.stream import mixed_alpha
from frame_booster.engine.memory_plan import MARGIN, Plan
from frame_booster.pixels import PixelLayout, Plane, Planes


@dataclass(frozen=True)
class Strip:
    """Rows of a frame, px."""

    top: int
    """First row that is made."""
    bottom: int
    """The row after the last that is made."""
    seen: int
    """First of the rows that are looked at; all strips look at equally many."""


def cut(height: int, strips: int, align: int) -> tuple[list[Strip], int]:
    """Cuts a frame into strips.

    Args:
      height: of the frame, a multiple of `align`, px.
      strips: how many, or fewer where that would leave one without rows.
      align: of which `Strip.seen` and all sides are multiples.

    Returns:
      The strips, and how many rows each looks at.
    """
    rows = -(-height // strips // align) * align
    looked_at = min(height, rows + 2 * -(-MARGIN // align) * align)
    made = []
    for top in range(0, height, rows):
        seen = min(max(top - (looked_at - rows) // 2 // align * align, 0), height - looked_at)
        made.append(Strip(top, min(top + rows, height), seen))
    return made, looked_at


class StripMaker:
    """Makes one frame at a time.

    Args:
      model: network, weights and device.
      layout: of all frames.
      plan: with more than one strip.
    """

    def __init__(self, model: Any, layout: PixelLayout, plan: Plan) -> None:
        from frame_booster.engine.colour import padded

        self.model, self.layout = model, layout
        network = model.network
        self._align = network.multiple << plan.halvings
        self._height = padded(layout.height, self._align)
        self._strips, rows = cut(self._height, plan.strips, self._align)
        self._part = replace(layout, height=rows)
        self._finds = hasattr(network, "find")
        self._halvings = plan.halvings
        self._ratios = (1 << plan.halvings, 2 << plan.halvings)
        """Sides of the frame over those of the flow and of the hidden state."""
        if self._finds:
            self._find = self._compile_find()
        self._fuse = self._compile_fuse()

    def _signature(self, layout: PixelLayout) -> list[Any]:
        tf = tensorflow()
        return [tf.TensorSpec([1, *shape], tf.as_dtype(layout.dtype)) for shape in layout.plane_shapes]

    def _compile_find(self) -> Any:
        tf = tensorflow()
        from frame_booster.engine.colour import compiled_planes_to_rgb

        network, layout = self.model.network, self.layout
        planes = self._signature(layout)

        @tf.function(input_signature=[planes, planes, tf.TensorSpec([1], tf.float32)], autograph=False)
        def find(first: Any, second: Any, t: Any) -> Any:
            encoded = [
                network.encode(compiled_planes_to_rgb(frame, layout, network.multiple, self._halvings))
                for frame in (first, second)
            ]
            found = network.find(*encoded, t)
            return found.flow, found.hidden

        return self._traced(find)

    def _compile_fuse(self) -> Any:
        tf = tensorflow()
        from frame_booster.engine.colour import compiled_planes_to_rgb, compiled_rgb_to_planes, padded

        network, part, rows = self.model.network, self._part, self._part.height
        planes = self._signature(part)
        found = []
        if self._finds:
            from frame_booster.network.fbnet_r.selection import HIDDEN
            from frame_booster.network.fbnet_r.sharp import with_curvature

            width = padded(part.width, self._align)
            flow, hidden = ([1, rows // ratio, width // ratio] for ratio in self._ratios)
            found = [tf.TensorSpec([*flow, 4], tf.float32), tf.TensorSpec([*hidden, HIDDEN], network.precision)]

        @tf.function(input_signature=[planes, planes, tf.TensorSpec([1], tf.float32), found], autograph=False)
        def fuse(first: Any, second: Any, t: Any, found: Any) -> Any:
            frames = [compiled_planes_to_rgb(frame, part, self._align) for frame in (first, second)]
            if self._finds:
                curved = [with_curvature(frame) for frame in frames]
                made, _ = network.fuse(*curved, *found, t)
            else:
                made = network(*frames, t).unclipped
            return compiled_rgb_to_planes(made, part)

        return self._traced(fuse)

    def _traced(self, function: Any) -> Any:
        from frame_booster.network.compiling import compiling_ahead

        with tensorflow().device(self.model.device), compiling_ahead(self.model.device):
            function.get_concrete_function()
        return function

    def make(self, first: Planes, second: Planes, t: float) -> Planes:
        """Makes the frame at t in (0, 1) between two."""
        tf = tensorflow()
        time = np.full(1, t, np.float32)
        out: list[Any] = [np.empty(shape, self.layout.dtype) for shape in self.layout.plane_shapes]
        with tf.device(self.model.device):
            whole: list[Any] = []
            if self._finds:
                whole = self._find([p[None] for p in first], [p[None] for p in second], time)
            for strip in self._strips:
                parts = [[self._rows(p, k, strip)[None] for k, p in enumerate(frame)] for frame in (first, second)]
                found = [
                    x[:, strip.seen // ratio : (strip.seen + self._part.height) // ratio]
                    for x, ratio in zip(whole, self._ratios, strict=False)
                ]
                made = self._fuse(*parts, time, found)
                for k, (plane, result) in enumerate(zip(out, made, strict=False)):
                    self._paste(plane, result.numpy()[0], k, strip)
        if self.layout.alpha:
            out[-1] = mixed_alpha(first, second, t, self.layout)
        return tuple(out)

    def _scale(self, index: int) -> int:
        chroma = self.layout.kind == "yuv" and index in (1, 2)
        return 1 << self.layout.log2_chroma_height if chroma else 1

    def _rows(self, plane: Plane, index: int, strip: Strip) -> Plane:
        """Returns the rows of a plane that a strip looks at, its last row repeated below the frame."""
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
