"""Frames that are encoded once each: what fails is tried again, with less at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.contract import LoadedNetwork, StreamFunctions
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import Plan
from frame_booster.pixels import PixelLayout, Plane, Planes

LAYOUT = PixelLayout(4, 4, "gray", 8)


class _Facts:
    multiple, any_timestep, max_flow_downscale = 32, True, 4


class _Short(LoadedNetwork, StreamFunctions):
    """A network for whose first encodings memory is too short."""

    device, network, name = "/GPU:0", _Facts(), "short"

    def __init__(self, failures: int) -> None:
        self.failures, self.encoded = failures, 0

    def encode(self, frame: Planes) -> Any:
        self.failures -= 1
        if self.failures >= 0:
            raise MemoryError
        self.encoded += 1
        return frame

    def decode(self, first: Any, second: Any, t: Any) -> list[Plane]:
        return [plane[None] for plane in first]

    def stream(self, layout: PixelLayout, plan: Plan) -> StreamFunctions:
        return self

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, MemoryError)

    def frames_at_once(self) -> int:
        return 3

    def _none(self, *args: Any) -> Any:
        raise NotImplementedError

    batch = strips = pictures = _none


def test_an_encoding_that_failed_is_made_again_with_less_at_once() -> None:
    model = _Short(failures=1)
    told: list[str] = []
    maker = BatchInterpolator(cast("LoadedNetwork", model), LAYOUT, Plan(at_once=3), told.append)
    frames: Sequence[Planes] = [(np.full((4, 4), k, np.uint8),) for k in range(2)]
    maker.make(frames, [Request(0, 1)])
    assert maker.plan == Plan(at_once=1), "nothing else is given up"
    assert told == []
    maker.make(frames, [Request(0, 1)])
    assert model.encoded == 2, "each frame once"


def test_frames_that_differ_in_colour_alone_are_encoded_each() -> None:
    model = _Short(failures=0)
    layout = PixelLayout(4, 4, "yuv", 8, 1, 1)
    maker = BatchInterpolator(cast("LoadedNetwork", model), layout, Plan())
    luma, chroma = np.zeros((4, 4), np.uint8), np.zeros((2, 2), np.uint8)
    frames: Sequence[Planes] = [(luma, chroma, chroma), (luma, chroma + 9, chroma)]
    for pair, blue in (([0, 1], 0), ([1, 0], 9)):
        [made] = maker.make([frames[k] for k in pair], [Request(0, 1)])
        assert int(made[1][0, 0]) == blue, "the stand-in shows the first frame of a pair"
    assert model.encoded == 2
