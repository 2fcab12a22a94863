"""Small arrays that a device keeps: each call is given its own, however alike the one before was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from frame_booster.engine import turns
from frame_booster.engine.turns import Turns


@pytest.mark.parametrize("most", [1, 3, turns.MOST_KNOWN])
def test_times_and_orders_are_those_of_the_call(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(turns, "MOST_KNOWN", most)
    device = Turns("/CPU:0")
    # As on a device of its own, where they are brought once.
    device._apart = True

    def seen(planes: list[Any], first: Any, second: Any, t: Any) -> list[Any]:
        return [*planes, first, second, t]

    orders = [np.asarray(order, kind) for kind in (np.int32, np.float32) for order in ([0, 1, 2, 3], [0, 1, 2, 2])]
    times = [np.asarray(values, np.float32) for values in ([0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.75])]
    for _ in range(2):
        for order in orders:
            for t in times:
                given = [np.full((2, 2), len(order), np.uint8), order, order[::-1].copy(), t]
                made = device.run(seen, given[:1], *given[1:])
                for one, other in zip(made, given, strict=True):
                    assert one.dtype == other.dtype
                    np.testing.assert_array_equal(one, other)
