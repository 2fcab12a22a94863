"""Soft telecine: film on a DVD, whose 3:2 pulldown is a flag of each frame and not a mixture of fields.

Every frame is whole, shown for two and three fields in turn (`repeat_first_field` of MPEG-2, ISO/IEC 13818-2). There is
nothing to put together again and none to leave out: the frames of the film only have to be spaced evenly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

from frame_booster.media.input.interlacing import Decoded

LOOKED_AT = 12
"""Frames by whose times it is told from fields that are mixed."""
_ROUNDING = 10
"""Times may be off by this part of two intervals: those of Matroska are whole milliseconds."""


def _longer_first(before: int, after: int) -> bool:
    """Tells whether two intervals are three fields and then two."""
    return abs(2 * before - 3 * after) * _ROUNDING < before + after


def is_soft(times: Iterable[int]) -> bool:
    """Tells whether frames at these times, in ticks, are shown for two and three fields in turn, nearly all of them."""
    intervals = [after - before for before, after in pairwise(times)]
    pairs = list(pairwise(intervals))
    turns = sum(_longer_first(a, b) or _longer_first(b, a) for a, b in pairs)
    return len(pairs) >= 3 and turns * 5 >= len(pairs) * 4


class EvenFrames:
    """Moves every second frame, by half a field, to the middle between its neighbours; takes one at a time."""

    def __init__(self) -> None:
        self._before: int | None = None
        """Time of the frame before the first of `_items`, as it was."""
        self._items: deque[Decoded] = deque()

    def push(self, item: Decoded) -> Iterator[Decoded]:
        """Takes a frame, with times in ticks of which half are whole, and yields what is ready, in order."""
        self._items.append(item)
        if len(self._items) < 3:
            return
        # The duration of a frame lasts to the next, whose own time its next decides.
        yield self._shown()

    def flush(self) -> Iterator[Decoded]:
        """Yields what is left at the end."""
        while self._items:
            yield self._shown()
        self._before = None

    def _shown(self) -> Decoded:
        first, *others = self._items
        pts = self._even(self._before, first.pts, others[0].pts if others else None)
        duration = first.duration
        if others:
            duration = self._even(first.pts, others[0].pts, others[1].pts if len(others) > 1 else None) - pts
        self._before = first.pts
        self._items.popleft()
        return first._replace(pts=pts, duration=duration)

    @staticmethod
    def _even(before: int | None, pts: int, after: int | None) -> int:
        if before is None or after is None or not _longer_first(pts - before, after - pts):
            return pts
        return (before + after) // 2
