"""The functions of the ONNX engine: graphs from planes to planes, each loaded on a provider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from frame_booster.engine.contract import (
    BatchFunction,
    Indices,
    PictureFunction,
    Pictures,
    StreamFunctions,
    StripFunctions,
    Times,
)
from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.onnx.session import Session
from frame_booster.pixels import PixelLayout, Plane, Planes

if TYPE_CHECKING:
    from frame_booster.engine.onnx.model import OnnxModel


def _inputs(prefix: str, values: Sequence[Any]) -> dict[str, Any]:
    return {f"{prefix}{k}": value for k, value in enumerate(values)}


class OnnxBatch(BatchFunction):
    """One graph from planes to planes.

    Args:
      model: network, weights and provider.
      layout: of all frames.
      plan: with one strip.
    """

    def __init__(self, model: OnnxModel, layout: PixelLayout, plan: Plan) -> None:
        pairs, downscale = plan.batch_size, plan.flow_downscale
        self._colours = layout.colours
        self._session = model.session(
            lambda b: b.batch(layout, pairs, downscale), plan.at_once, "batch", layout, pairs, downscale
        )

    def __call__(self, frames: Sequence[Planes], first: Indices, second: Indices, t: Times) -> list[Plane]:
        colours = zip(*(frame[: self._colours] for frame in frames), strict=True)
        given = _inputs("plane", [np.stack(group) for group in colours])
        return self._session.run({**given, "first": first, "second": second, "t": t})


class OnnxStream(StreamFunctions):
    """A graph from planes to an encoded frame, and one from two of those to planes.

    Args:
      model: network, weights and provider.
      layout: of all frames.
      plan: with one strip, batches of one pair.
    """

    def __init__(self, model: OnnxModel, layout: PixelLayout, plan: Plan) -> None:
        downscale = plan.flow_downscale
        self._colours = layout.colours
        self._encode = model.session(lambda b: b.encode(layout, downscale), plan.at_once, "encode", layout, downscale)
        self._decode = model.session(lambda b: b.decode(layout, downscale), plan.at_once, "decode", layout, downscale)

    def encode(self, frame: Planes) -> Any:
        return self._encode.run(_inputs("plane", [plane[None] for plane in frame[: self._colours]]), keep=True)

    def decode(self, first: Any, second: Any, t: Times) -> list[Plane]:
        return self._decode.run({**_inputs("first", first), **_inputs("second", second), "t": t})


class OnnxStrips(StripFunctions):
    """A graph from planes of whole frames to motion, where the network has strips, and one from those of a strip to
    planes.

    Args:
      model: network, weights and provider.
      layout: of whole frames.
      part: of a strip.
      plan: with more than one strip.
    """

    def __init__(self, model: OnnxModel, layout: PixelLayout, part: PixelLayout, plan: Plan) -> None:
        downscale = plan.flow_downscale
        self._colours, self._rows = layout.colours, part.height
        self._stride = None if model.strip_stride is None else model.strip_stride << downscale
        self._find: Session | None = None
        if self._stride is not None:
            self._find = model.session(lambda b: b.find(layout, downscale), 1, "find", layout, downscale)
        self._fuse = model.session(lambda b: b.fuse(part, downscale), 1, "fuse", part, downscale)

    def find(self, first: Sequence[Plane], second: Sequence[Plane], t: Times) -> Any:
        if self._find is None:
            return None
        [known] = self._find.run({**self._planes(first, second), "t": t})
        return known

    def fuse(self, first: Sequence[Plane], second: Sequence[Plane], t: Times, motion: Any, top: int) -> list[Plane]:
        given = {**self._planes(first, second), "t": t}
        if self._stride is not None:
            rows = motion[:, :, top // self._stride : (top + self._rows) // self._stride]
            given["known"] = np.ascontiguousarray(rows)
        return self._fuse.run(given)

    def _planes(self, first: Sequence[Plane], second: Sequence[Plane]) -> dict[str, Any]:
        return {**_inputs("first", first[: self._colours]), **_inputs("second", second[: self._colours])}


def picture_function(model: OnnxModel, shape: tuple[int, int, int, int], top: float, downscale: int) -> PictureFunction:
    """Loads the interpolation of pictures, as `LoadedNetwork.pictures`."""
    session = model.session(lambda b: b.pictures(shape, top, downscale), 1, "pictures", shape, top, downscale)

    def interpolate(frame0: Pictures, frame1: Pictures, t: float) -> Pictures:
        times = np.full(shape[0], t, np.float32)
        given = {"first": np.ascontiguousarray(frame0), "second": np.ascontiguousarray(frame1), "t": times}
        made: Pictures = session.run(given)[0]
        return made

    return interpolate
