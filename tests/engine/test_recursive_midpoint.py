"""Any time by recursive midpoints: every sixteenth, and else the nearest frame on the way."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from frame_booster.engine.recursive_midpoint import recursive_midpoints


class Moment:
    """Stands for a frame: a time; frames are told apart by identity, so that equal ones may be others."""

    def __init__(self, at: Fraction) -> None:
        self.at = at


class Middles:
    """Interpolates, and notes how many at once."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, pairs: list[tuple[Moment, Moment]]) -> list[Moment]:
        self.calls.append(len(pairs))
        return [Moment((a.at + b.at) / 2) for a, b in pairs]


def nearest(t: Fraction) -> Fraction:
    return recursive_midpoints([(Moment(Fraction(0)), Moment(Fraction(1)), t)], Middles())[0].at


def test_midpoints_of_several_requests_are_shared_and_made_level_by_level() -> None:
    ends = [Moment(Fraction(k)) for k in range(4)]
    wanted = [(a, b, Fraction(k, 8)) for a, b in itertools.pairwise(ends) for k in range(1, 8)]
    middles = Middles()
    made = recursive_midpoints(wanted, middles)
    assert [one.at for one in made] == [a.at + t for a, _, t in wanted]
    assert middles.calls == [3, 6, 12], "each midpoint once, those of a level in one call"


def test_midpoints_that_nothing_needs_are_not_made() -> None:
    a, b = Moment(Fraction(0)), Moment(Fraction(1))
    for t, levels in ((Fraction(1, 2), 1), (Fraction(13, 27), 1), (Fraction(1, 4), 2), (Fraction(3, 8), 3)):
        middles = Middles()
        recursive_midpoints([(a, b, t)], middles)
        assert middles.calls == [1] * levels


def test_the_same_frame_asked_for_twice_is_made_once() -> None:
    a, b = Moment(Fraction(0)), Moment(Fraction(1))
    middles = Middles()
    first, second = recursive_midpoints([(a, b, Fraction(1, 3)), (a, b, Fraction(5, 16))], middles)
    assert first is second
    assert middles.calls == [1] * 4


@pytest.mark.parametrize("k", range(1, 16))
def test_every_sixteenth_is_reached(k: int) -> None:
    assert nearest(Fraction(k, 16)) == Fraction(k, 16)


@pytest.mark.parametrize(
    ("t", "expected"),
    [
        (Fraction(2, 5), Fraction(3, 8)),
        (Fraction(1, 3), Fraction(5, 16)),
        (Fraction(13, 27), Fraction(1, 2)),
        (Fraction(1, 100), Fraction(1, 16)),
        (Fraction(99, 100), Fraction(15, 16)),
    ],
)
def test_of_the_frames_on_the_way_the_nearest_is_taken(t: Fraction, expected: Fraction) -> None:
    assert nearest(t) == expected
