"""Interpolation at any time by recursive midpoints, for networks that interpolate the middle of two frames only.

The midpoints of several requests are interpolated level by level, so that each is interpolated once and all of a level
share a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

Frame = TypeVar("Frame")

MAX_DEPTH = 4
"""Levels of midpoints; the last lies within 1/16 of the gap of `t`."""


def nearest_midpoint(t: Fraction) -> Fraction:
    """Returns the time of the midpoint that is nearest to `t`, a multiple of 1/16.

    Args:
      t: in (0, 1).
    """
    low, high = Fraction(0), Fraction(1)
    nearest = distance = Fraction(1)
    for _ in range(MAX_DEPTH):
        middle = (low + high) / 2
        # The nearest one need not be the last.
        if abs(t - middle) < distance:
            nearest, distance = middle, abs(t - middle)
        if t < middle:
            high = middle
        else:
            low = middle
    return nearest


def ends_of(middle: Fraction) -> tuple[Fraction, Fraction]:
    """Returns the times of the two frames between which a midpoint lies."""
    half = Fraction(1, middle.denominator)
    return middle - half, middle + half


def recursive_midpoints(
    wanted: Sequence[tuple[Frame, Frame, Fraction]], middles_of: Callable[[list[tuple[Frame, Frame]]], list[Frame]]
) -> list[Frame]:
    """Interpolates the frame nearest to each wanted one.

    Args:
      wanted: the frames at 0 and 1, and a time in (0, 1). Frames are told apart by identity.
      middles_of: interpolates the frames half-way between pairs of frames; called once for each level.
    """
    known: dict[tuple[int, int, Fraction], Frame] = {}
    needed: dict[tuple[int, int, Fraction], None] = {}
    targets = [(id(first), id(second), nearest_midpoint(t)) for first, second, t in wanted]
    for (first, second, _), (a, b, time) in zip(wanted, targets, strict=True):
        known[a, b, Fraction(0)], known[a, b, Fraction(1)] = first, second
        path = {time}
        while path:
            needed |= dict.fromkeys((a, b, middle) for middle in path)
            path = {end for middle in path for end in ends_of(middle) if 0 < end < 1 and (a, b, end) not in needed}
    for level in range(1, MAX_DEPTH + 1):
        of_level = [key for key in needed if key[2].denominator == 1 << level]
        if of_level:
            ends = [(known[a, b, low], known[a, b, high]) for a, b, t in of_level for low, high in [ends_of(t)]]
            known |= zip(of_level, middles_of(ends), strict=True)
    return [known[target] for target in targets]
