"""What is left for a plan of the memory that a process may take, and what is given up where it does not suffice."""

from __future__ import annotations

import pytest

from frame_booster.engine.expected import ExpectedNetwork
from frame_booster.engine.memory_plan import (
    BASE_BYTES,
    FRAMES_IN_FLIGHT,
    Plan,
    make_plan,
    needed_bytes,
    queue_bytes,
)
from frame_booster.errors import InputError
from frame_booster.network.presets import PRESETS
from frame_booster.pixels import PixelLayout

FBNET_2 = PRESETS["fbnet-2"]
MODEL = ExpectedNetwork("fbnet-2", FBNET_2, "/CPU:0", "float32", BASE_BYTES, None)


@pytest.mark.parametrize("sides", [(256, 144), (1920, 1080), (3840, 2160)])
def test_frames_that_wait_and_those_under_way_count(sides: tuple[int, int]) -> None:
    layout, plans = PixelLayout(*sides, "yuv", 10, 1, 1), []
    for limit in range(1 << 30, 4 << 30, 8 << 20):
        try:
            plans.append(make_plan(layout, MODEL, max_memory=limit, at_once=2))
        except InputError:
            assert not plans, "more memory is enough where less was"
            continue
        waiting = 2 * queue_bytes(limit) + FRAMES_IN_FLIGHT * layout.frame_bytes
        assert BASE_BYTES + waiting + needed_bytes(plans[-1], layout, FBNET_2.bytes_per_pixel) <= limit
    assert plans


@pytest.mark.parametrize(("most", "tried"), [(0, 0), (1, 1), (4, 4)])
def test_no_scale_is_tried_that_the_network_has_not(most: int, tried: int) -> None:
    class Facts:
        multiple, any_timestep, max_flow_downscale = 16, True, most

    plan, seen = Plan(), [0]
    while (smaller := plan.smaller(Facts(), 1 << 14)) is not None:
        plan = smaller
        seen.append(plan.flow_downscale)
    assert max(seen) == tried
    assert plan.strips > 1, "then strips"
