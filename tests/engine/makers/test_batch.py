"""Batches of pairs: none needs more frames than its function is compiled for."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, cast

import numpy as np
import pytest

from frame_booster.engine.contract import BatchFunction, LoadedNetwork
from frame_booster.engine.maker import Request
from frame_booster.engine.makers.batch import BatchMaker, batches
from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.multi_device import MultiDeviceInterpolator
from frame_booster.pixels import PixelLayout, Plane, Planes

LAYOUT = PixelLayout(1, 1, "gray", 8)
PAIRS = 8


class _Sums(BatchFunction):
    """Adds the frames of each pair, and takes as many frames as a compiled function does."""

    calls = 0

    def __call__(self, frames: Sequence[Planes], first: Any, second: Any, t: Any) -> list[Plane]:
        assert len(frames) == PAIRS + 1
        assert len(first) == len(second) == len(t) == PAIRS
        self.calls += 1
        return [np.stack([frames[a][0] + frames[b][0] for a, b in zip(first, second, strict=True)])]


class _Model:
    def batch(self, layout: PixelLayout, plan: Plan) -> BatchFunction:
        return _Sums()


def maker() -> BatchMaker:
    return BatchMaker(cast("LoadedNetwork", _Model()), LAYOUT, Plan(PAIRS))


def frames(count: int) -> list[Planes]:
    return [(np.full((1, 1), k, np.uint8),) for k in range(count)]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_pairs_between_which_frames_are_left_out_are_made(step: int) -> None:
    """A rate below the source's leaves pairs out, so that a pair shares no frame with the next."""
    requests = [Request(k, k + 1) for k in range(0, 30, step)]
    made = maker().make(frames(32), requests)
    assert [int(planes[0][0, 0]) for planes in made] == [2 * r.first + 1 for r in requests]


def test_two_devices_share_pairs_between_which_frames_are_left_out() -> None:
    both = MultiDeviceInterpolator([_AtOnce(), _AtOnce()])
    requests = [Request(k, k + 1) for k in range(20) if k % 6 != 5]
    made = both.make(frames(21), requests)
    assert [int(planes[0][0, 0]) for planes in made] == [2 * r.first + 1 for r in requests]


def test_each_device_is_told_the_times_of_its_share() -> None:
    class Times(_AtOnce):
        def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
            return [(np.full((1, 1), 8 * r.t, np.uint8),) for r in requests]

    requests = [Request(k // 4, k // 4 + 1, Fraction(1 + k % 4, 8)) for k in range(40)]
    made = MultiDeviceInterpolator([Times(), Times()]).make(frames(11), requests)
    assert [int(planes[0][0, 0]) for planes in made] == [1, 2, 3, 4] * 10


class _AtOnce:
    """A maker of one device, as the pipeline sees it."""

    batch_size, at_once = PAIRS, 1

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        return maker().make(frames, requests)


def test_pairs_that_follow_each_other_fill_batches() -> None:
    whole = [Request(k, k + 1) for k in range(17)]
    assert [len(batch) for batch in batches(whole, PAIRS)] == [8, 8, 1]
    apart = [Request(k, k + 1) for k in range(0, 34, 2)]
    assert [len(batch) for batch in batches(apart, PAIRS)] == [4, 4, 4, 4, 1]
    assert [request for batch in batches(apart, 1) for request in batch] == apart
    assert list(batches([], PAIRS)) == []
