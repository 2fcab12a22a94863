"""Subtitles that may overlap, as intervals of time in each of which the same ones are shown.

MP4's timed text shows one sample at a time: a line that is written while another is on would end it, or never be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple


class Interval(NamedTuple):
    """From when to when some texts are shown together, in ticks."""

    begin: int
    end: int
    texts: tuple[bytes, ...]


class _Event(NamedTuple):
    begin: int
    end: int | None
    text: bytes


class Intervals:
    """Takes texts in the order of their beginnings, and gives intervals that do not overlap."""

    def __init__(self) -> None:
        self._held: list[_Event] = []
        self.given: int | None = None
        """Up to where all is given: what has ended by then comes too late, in ticks."""

    def add(self, begin: int, end: int | None, text: bytes) -> list[Interval]:
        """Takes a text and returns the intervals before its beginning.

        Args:
          begin: in ticks.
          end: likewise; None is where another begins.
          text: what is shown.
        """
        begin = begin if self.given is None else max(begin, self.given)
        before = self._up_to(begin)
        self._held.append(_Event(begin, end, text))
        return before

    def rest(self, end_of: Callable[[int], int]) -> list[Interval]:
        """Returns the last intervals.

        Args:
          end_of: returns when a text ends that has no end, by its beginning, in ticks.
        """
        self._held = [each if each.end is not None else each._replace(end=end_of(each.begin)) for each in self._held]
        ends = [each.end for each in self._held if each.end is not None]
        return self._up_to(max(ends)) if ends else []

    def _up_to(self, time: int) -> list[Interval]:
        """Takes off what is shown before a time; none of what is held begins later."""
        ended = [(each.begin, time if each.end is None else min(each.end, time), each.text) for each in self._held]
        cuts = sorted({cut for begin, end, _ in ended for cut in (begin, end)})
        found = []
        for begin, end in pairwise(cuts):
            texts = tuple(text for first, last, text in ended if first <= begin < last)
            if texts:
                found.append(Interval(begin, end, texts))
        # One without an end ends here, but for one that begins here as well.
        self._held = [
            each._replace(begin=time)
            for each in self._held
            if (each.begin == time if each.end is None else each.end > time)
        ]
        self.given = time
        return found
