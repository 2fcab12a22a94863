"""Any time by recursive midpoints: every sixteenth, and else the nearest frame on the way."""

from __future__ import annotations

from fractions import Fraction

import pytest

from frame_booster.engine.recursive_midpoint import recursive_midpoint


def nearest(t: Fraction) -> Fraction:
    return recursive_midpoint(Fraction(0), Fraction(1), t, lambda a, b: (a + b) / 2)


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
