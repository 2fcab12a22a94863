"""Any time between two frames, for a network that knows the middle only."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

Frame = TypeVar("Frame")

MAX_HALVINGS = 4
"""The result is at most 1/16 of the gap away from the time asked for."""


def by_halving(first: Frame, second: Frame, t: Fraction, middle_of: Callable[[Frame, Frame], Frame]) -> Frame:
    """Makes the frame nearest to `t` by halving the gap around it again and again.

    Args:
      first, second: the frames at 0 and 1.
      t: in (0, 1).
      middle_of: makes the frame half-way between two frames.
    """
    low, high = Fraction(0), Fraction(1)
    made = first
    for _ in range(MAX_HALVINGS):
        made, middle = middle_of(first, second), (low + high) / 2
        if t == middle:
            break
        if t < middle:
            high, second = middle, made
        else:
            low, first = middle, made
    return made
