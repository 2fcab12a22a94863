"""Inverse telecine: the frames of a film, at their own rate, out of video in 3:2 pulldown (`--ivtc`).

Telecine (SMPTE RP 201) makes ten fields of four frames of film, so that 24000/1001 frames a second become 30000/1001 of
which two in five show two moments. FFmpeg puts the fields together again; what is decided here is when the four frames
are shown: evenly over the time of the five. Pulldown that is only a flag of each frame is another thing
(`soft_telecine`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import av

from frame_booster.media.frames.combing import Combing
from frame_booster.media.frames.filters import InverseTelecine
from frame_booster.media.frames.planes import brought_to
from frame_booster.media.input.interlacing import Decoded
from frame_booster.media.input.soft_telecine import LOOKED_AT, EvenFrames, is_soft
from frame_booster.media.input.source import SourceReport

CYCLE = 5
"""Frames of the video of which one is left out."""
KEPT = CYCLE - 1
FINER = KEPT
"""A cycle's ticks are divided by this, so that the time base must be finer by as much."""
_LOOKED_AT = 45


class _Cycle(NamedTuple):
    items: list[Decoded]
    kept: dict[int, av.VideoFrame]
    """Frames that came out, by the place in the cycle of those they are made of."""


class Telecine:
    """Makes four frames of every five, counted from the first frame of the input; of soft telecine it keeps all.

    Args:
      report: told of what is done.
      rate: of the video, frames a second.
    """

    def __init__(self, report: SourceReport, rate: Fraction) -> None:
        self.report, self._rate = report, rate
        self.treatment: str | None = None
        """Nothing is chosen, unlike with `interlacing.Interlacing`."""
        self._filter: InverseTelecine | None = None
        self._like: av.VideoFrame | None = None
        self._combing: Combing | None = None
        self._looked = False
        self._undecided: list[Decoded] | None = []
        """The first frames, until it is known what pulldown they have."""
        self._even: EvenFrames | None = None
        """Of soft telecine."""
        self._begin()

    def _begin(self) -> None:
        self._count = 0
        self._items: deque[Decoded] = deque()
        self._made: dict[int, av.VideoFrame] = {}
        self._first = 0
        """Number of the first of `_items`."""

    def push(self, item: Decoded) -> Iterator[Decoded]:
        """Takes a frame, with times in ticks of the finer time base, and yields what is ready, in order."""
        if self._undecided is None:
            yield from self._treat(item)
            return
        self._undecided.append(item)
        if len(self._undecided) == LOOKED_AT:
            yield from self._decide()

    def flush(self) -> Iterator[Decoded]:
        """Yields what is left at the end, at its own times where it is no whole cycle."""
        yield from self._decide()
        if self._even is not None:
            yield from self._even.flush()
            return
        yield from self._end()

    def _decide(self) -> Iterator[Decoded]:
        """Tells by the times of the first frames what they are, and treats them so."""
        items, self._undecided = self._undecided, None
        if not items:
            return
        if is_soft(item.pts for item in items):
            self._even = EvenFrames()
            self.report.warn(
                "--ivtc: the 3:2 pulldown is only flagged (soft telecine): all frames are kept, and spaced evenly"
            )
        for item in items:
            yield from self._treat(item)

    def _treat(self, item: Decoded) -> Iterator[Decoded]:
        if self._even is not None:
            yield from self._even.push(item)
            return
        shape = item.frame.width, item.frame.height, item.frame.format.name
        if self._like is not None and shape != (self._like.width, self._like.height, self._like.format.name):
            yield from self._end()
        if self._filter is None:
            self._like, self._filter = item.frame, InverseTelecine(item.frame, self._rate)
        self._look(item.frame)
        self._items.append(item)
        self._put(item.frame)
        yield from self._whole_cycles()

    def _end(self) -> Iterator[Decoded]:
        self._look(None)
        self._put(None)
        yield from self._whole_cycles(at_end=True)
        self._filter = self._like = None
        self._begin()

    def _put(self, frame: av.VideoFrame | None) -> None:
        if self._filter is None:
            return
        if frame is not None:
            # What comes out is told by its dts, since FFmpeg counts the pts anew.
            frame.pts = frame.dts = self._count
            frame.time_base = self._filter.time_base
            self._count += 1
        for made in self._filter.push(frame):
            self._made[made.dts] = made

    def _whole_cycles(self, *, at_end: bool = False) -> Iterator[Decoded]:
        # FFmpeg gives a cycle when it has seen the first frame of the next.
        while len(self._items) > CYCLE or (at_end and self._items):
            beyond = self._first + CYCLE
            if not at_end and not any(number >= self._first for number in self._made):
                return
            items = [self._items.popleft() for _ in range(min(CYCLE, len(self._items)))]
            kept = {n - self._first: self._made.pop(n) for n in sorted(self._made) if self._first <= n < beyond}
            self._first = beyond
            yield from self._timed(_Cycle(items, kept), self._items[0] if self._items else None)

    def _timed(self, cycle: _Cycle, after: Decoded | None) -> Iterator[Decoded]:
        items, kept = cycle
        first = items[0].pts
        length = Fraction((items[-1].pts - first) * CYCLE, KEPT) if len(items) == CYCLE else Fraction(0)
        usual = length / CYCLE
        if after is not None and abs(after.pts - first - length) < usual / 2:
            length = Fraction(after.pts - first)
        even = (
            len(items) == CYCLE
            and len(kept) == KEPT
            and all(abs(b.pts - a.pts - usual) < usual / 2 for a, b in pairwise(items))
        )
        captions = b""
        shown = 0
        for place, item in enumerate(items):
            captions += item.captions
            frame = kept.get(place)
            if frame is None:
                continue
            if frame.format.name != item.frame.format.name:
                self.report.warn("--ivtc works in 8-bit YUV: what the video has beyond that is lost")
                frame = brought_to(frame, item.frame)
            pts = first + int(shown * length / KEPT) if even else item.pts
            duration = int(length / KEPT) if even else item.duration
            yield Decoded(frame, pts, duration, captions, False)
            captions = b""
            shown += 1

    def _look(self, frame: av.VideoFrame | None) -> None:
        """Warns, once, where the first frames show no sign of pulldown."""
        if self._looked:
            return
        if frame is not None:
            self._combing = self._combing or Combing(frame)
            self._combing.add(frame)
            if self._combing.frames < _LOOKED_AT:
                return
        seen, self._combing, self._looked = self._combing, None, True
        if seen is not None and seen.progressive + seen.combed >= CYCLE and seen.combed < seen.frames * Fraction(1, 10):
            self.report.warn("--ivtc drops one frame in five, but the first frames show no 3:2 pulldown")
