"""When every frame of the output is shown. Exact throughout: no counter of frames, no float."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol


@dataclass(frozen=True)
class Slot:
    """A frame of the output: from `pts` for `duration`, in ticks of `Timeline.time_base`."""

    pts: int
    duration: int
    at: Fraction
    """The moment of the source it shows, in ticks of the source's time base."""


class Timeline(Protocol):
    """Where the frames of the output lie between those of the source."""

    time_base: Fraction
    """Of the output."""
    rate: Fraction | None
    """Average frames a second of the output, None if unknown."""

    def between(self, pts0: int, pts1: int) -> Iterator[Slot]:
        """Yields the slots from one source frame up to the next, in ticks of the source."""
        ...


class Multiple:
    """`factor` frames for each frame: itself, then others at equal distances up to the next.

    Args:
      time_base: of the source.
      rate: average frames a second of the source, None if unknown.
      factor: frames out for each frame in. In the output's time base (`1 / factor` of the
        source's) a gap is `factor` times as many ticks, so every slot is exact. Where that time base is too fine for
        FFmpeg (`MOST`) it is the finest that is not, and slots are at the nearest tick.
      slower: how many times longer the output lasts.
    """

    def __init__(self, time_base: Fraction, rate: Fraction | None, factor: int, slower: int = 1) -> None:
        self.factor = factor
        ticks = factor
        while ticks > 1 and not _representable(time_base * slower / ticks):
            ticks //= 2
        self._ticks = ticks
        """Of the output's time base in a tick of the source's."""
        self.time_base = time_base * slower / ticks
        self.rate = None if rate is None else rate * factor / slower

    def between(self, pts0: int, pts1: int) -> Iterator[Slot]:
        gap = pts1 - pts0
        ats = [pts0 + Fraction(k * gap, self.factor) for k in range(self.factor + 1)]
        ticks = [math.floor(at * self._ticks + Fraction(1, 2)) for at in ats]
        for at, (tick, end) in zip(ats, itertools.pairwise(ticks), strict=False):
            yield Slot(tick, end - tick, at)


class Grid:
    """A constant rate, whatever the source's: frames at `first + k / rate`.

    Args:
      time_base: of the source.
      first: pts of the source's first frame.
      rate: frames a second of the output.
      slower: how many times longer the output lasts.
    """

    def __init__(self, time_base: Fraction, first: int, rate: Fraction, slower: int = 1) -> None:
        self.rate: Fraction | None = rate
        self._step = 1 / rate
        self._tick = time_base * slower
        self._origin = first * self._tick
        self.time_base = common_tick(self._step, self._origin)
        if not _representable(self.time_base):
            # Too fine for FFmpeg: the grid begins at the nearest tick of a coarser one, of which it is a multiple.
            self.time_base = self._step / max(MOST // self._step.denominator, 1)

    def between(self, pts0: int, pts1: int) -> Iterator[Slot]:
        k = math.ceil((pts0 * self._tick - self._origin) / self._step)
        begin = math.floor(self._origin / self.time_base + Fraction(1, 2))
        ticks = int(self._step / self.time_base)
        while (time := self._origin + k * self._step) < pts1 * self._tick:
            yield Slot(begin + k * ticks, ticks, time / self._tick)
            k += 1


MOST = (1 << 31) - 1
"""The largest number in a rational of FFmpeg."""


def _representable(tick: Fraction) -> bool:
    return max(tick.numerator, tick.denominator) <= MOST


def common_tick(first: Fraction, second: Fraction) -> Fraction:
    """Returns the longest tick of which both are multiples; `second` may be 0."""
    return Fraction(
        math.gcd(first.numerator * second.denominator, second.numerator * first.denominator),
        first.denominator * second.denominator,
    )


def last_duration(own: int, gap: int, rate: Fraction | None, time_base: Fraction) -> int:
    """Returns how long the last frame is shown, in ticks: what it says, else as the one before, else 1/rate."""
    if own > 0:
        return own
    if gap > 0:
        return gap
    return max(1, round(1 / (rate * time_base))) if rate else 1


def gap_limit(max_gap: Fraction, frames: int, rate: Fraction | None, time_base: Fraction) -> int | None:
    """Returns the longest gap to make frames in, in ticks: `max_gap` s or `frames` usual gaps, the longer.

    None, no limit, for a `max_gap` of 0.
    """
    if not max_gap:
        return None
    limit = max_gap if rate is None else max(max_gap, frames / rate)
    return int(limit / time_base)


@dataclass(frozen=True)
class RateChoice:
    """How the output's frames are to lie between the source's, before anything of the source is known."""

    fps: Fraction | None = None
    """Frames a second of the output; None for a multiple of the source's frames."""
    multiple: int = 2
    slower: int = 1
    """How many times longer the output lasts."""

    def timeline(self, time_base: Fraction, rate: Fraction | None, first_pts: int) -> Timeline:
        """Returns the timeline for a source.

        Args:
          time_base, rate: of the source; None is an unknown rate.
          first_pts: of its first frame.
        """
        if self.fps is not None:
            return Grid(time_base, first_pts, self.fps, self.slower)
        return Multiple(time_base, rate, self.multiple, self.slower)

    def expected_frames(self, frames: int | None, rate: Fraction | None) -> int | None:
        """Returns how many frames the output will have, as far as the source tells; None if unknown."""
        if frames is None:
            return None
        if self.fps is None:
            return frames * self.multiple
        return None if rate is None else round(Fraction(frames) / rate * self.fps * self.slower)
