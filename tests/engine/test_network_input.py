"""What a network is given of frames of any size, for each scale of its flow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import Plan
from frame_booster.pixels import PixelLayout, Planes
from tests.conftest import MeanModel, MeanNetwork


@pytest.mark.parametrize(("flow_downscale", "sides"), [(0, (72, 52)), (1, (72, 56)), (3, (96, 64))])
def test_frames_are_padded_for_the_scale_of_the_flow(flow_downscale: int, sides: tuple[int, int]) -> None:
    seen: list[Any] = []

    class Network(MeanNetwork):
        def between(
            self, frames: Any, first: Any, second: Any, t: Any, flow_downscale: int = 0, downscaled: Any = None
        ) -> Any:
            small = None if downscaled is None else tuple(downscaled.shape)
            seen.append((tuple(frames.shape), flow_downscale, small))
            return MeanNetwork.between(frames, first, second, t)

    model, layout = MeanModel(), PixelLayout(50, 70, "yuv", 8, 1, 1)
    model.network = Network()
    frames: list[Planes] = [
        tuple(np.full(shape, 60 + 40 * k, np.uint8) for shape in layout.plane_shapes) for k in range(3)
    ]
    made = BatchInterpolator(model, layout, Plan(2, flow_downscale)).make(frames, [Request(0, 1), Request(1, 2)])
    assert [int(planes[0][-1, -1]) for planes in made] == [80, 120]
    small = None if not flow_downscale else (3, *(side >> flow_downscale for side in sides), 3)
    assert set(seen) == {((3, *sides, 3), flow_downscale, small)}
