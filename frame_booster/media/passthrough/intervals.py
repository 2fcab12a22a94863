"""Splits overlapping subtitles into intervals of time that do not overlap, each with all texts shown in it.

MP4's timed text shows one sample at a time: without this, a subtitle that starts during another would end it or never
be shown.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple


class Interval(NamedTuple):
    """A time span in ticks, and the texts that are shown during all of it."""

    begin: int
    end: int
    texts: tuple[bytes, ...]


class _Event(NamedTuple):
    begin: int
    end: int | None
    text: bytes


class Intervals:
    """Converts texts, in the order of their start times, to intervals that do not overlap."""

    def __init__(self) -> None:
        self._held: list[_Event] = []
        self.given: int | None = None
        """Time up to which intervals were returned, in ticks; a text that ends before it comes too late."""

    def add(self, begin: int, end: int | None, text: bytes) -> list[Interval]:
        """Adds a text and returns the intervals before its start.

        Args:
          begin: start time in ticks.
          end: end time in ticks; None lets the text last until the next one starts.
          text: the text.
        """
        begin = begin if self.given is None else max(begin, self.given)
        before = self._up_to(begin)
        self._held.append(_Event(begin, end, text))
        return before

    def rest(self, end_of: Callable[[int], int]) -> list[Interval]:
        """Returns the remaining intervals.

        Args:
          end_of: function from the start to the end, both in ticks, of a text that has no end.
        """
        self._held = [each if each.end is not None else each._replace(end=end_of(each.begin)) for each in self._held]
        ends = [each.end for each in self._held if each.end is not None]
        return self._up_to(max(ends)) if ends else []

    def _up_to(self, time: int) -> list[Interval]:
        """Removes and returns the intervals before a time; no pending text starts after it."""
        ended = [(each.begin, time if each.end is None else min(each.end, time), each.text) for each in self._held]
        cuts = sorted({cut for begin, end, _ in ended for cut in (begin, end)})
        found = []
        for begin, end in pairwise(cuts):
            texts = tuple(text for first, last, text in ended if first <= begin < last)
            if texts:
                found.append(Interval(begin, end, texts))
        # A text without an end ends here, unless it also starts here.
        self._held = [
            each._replace(begin=time)
            for each in self._held
            if (each.begin == time if each.end is None else each.end > time)
        ]
        self.given = time
        return found
