"""Interpolation at any time by recursive midpoints, for networks that know the middle of two frames only."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

Frame = TypeVar("Frame")

MAX_DEPTH = 4
"""Midpoints that are taken at most: the last lies within 1/16 of the gap of `t`."""


def recursive_midpoint(first: Frame, second: Frame, t: Fraction, middle_of: Callable[[Frame, Frame], Frame]) -> Frame:
    """Interpolates the frame nearest to `t`: the midpoint of two frames, then of that and one of them, and so on.

    Of the midpoints on the way the nearest one is taken, which need not be the last.

    Args:
      first, second: the frames at 0 and 1.
      t: in (0, 1).
      middle_of: interpolates the frame half-way between two frames.
    """
    low, high = Fraction(0), Fraction(1)
    nearest, distance = first, Fraction(1)
    for _ in range(MAX_DEPTH):
        made, middle = middle_of(first, second), (low + high) / 2
        if abs(t - middle) < distance:
            nearest, distance = made, abs(t - middle)
        if t == middle:
            break
        if t < middle:
            high, second = middle, made
        else:
            low, first = middle, made
    return nearest
