"""Timestamps of the output frames, exact: computed from the source's timestamps, without floats or frame counters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

from frame_booster.errors import InputError
from frame_booster.rational import MOST, is_representable, representable


@dataclass(frozen=True)
class Slot:
    """The time of an output frame: `pts` and `duration`, in ticks of `Timeline.time_base`."""

    pts: int
    duration: int
    at: Fraction
    """The time in the source that it shows, in ticks of the source's time base."""
    span: Fraction = Fraction(0)
    """Time from there to the moment that the next frame shows, in the same ticks."""
    sample: int | None = None
    """Number of this moment in an exposure, from 0 (`Shutter`); None if the frame shows a single moment."""


class Timeline(Protocol):
    """The times of output frames between source frames."""

    time_base: Fraction
    """Time base of the output."""
    rate: Fraction | None
    """Average frame rate of the output, None if unknown."""
    reach: int
    """How far a slot can extend beyond the next source frame, ticks of the source."""

    def between(self, pts0: int, pts1: int) -> Iterator[Slot]:
        """Yields the slots from one source frame up to the next, in ticks of the source."""
        ...


class Multiple:
    """`factor` output frames for each source frame: the frame itself, and others at equal distances up to the next.

    Args:
      time_base: time base of the source.
      rate: average frame rate of the source, None if unknown.
      factor: output frames for each source frame. The output's time base is `1 / factor` of the source's, so a gap has
        `factor` times as many ticks and every slot is exact. If FFmpeg cannot represent that time base (`MOST`), it is
        the finest fraction of the source's that FFmpeg can, or a fraction of a second, and slots are rounded to ticks.
      slower: how many times longer the output is.
    """

    reach = 0

    def __init__(self, time_base: Fraction, rate: Fraction | None, factor: int, slower: Fraction | int = 1) -> None:
        self.factor = factor
        tick, parts = time_base * slower, factor
        while parts > 1 and not is_representable(tick / parts):
            parts -= 1
        self.time_base = tick / parts
        if not is_representable(self.time_base):
            self.time_base = Fraction(1, min(max(math.ceil(factor / tick), _PARTS), MOST))
        self._ticks = tick / self.time_base
        """Ticks of the output in a tick of the source."""
        self.rate = None if rate is None else representable(rate * factor / slower)

    def between(self, pts0: int, pts1: int) -> Iterator[Slot]:
        gap = pts1 - pts0
        ats = [pts0 + Fraction(k * gap, self.factor) for k in range(self.factor + 1)]
        ticks = [math.floor(at * self._ticks + Fraction(1, 2)) for at in ats]
        for at, (tick, end) in zip(ats, itertools.pairwise(ticks), strict=False):
            yield Slot(tick, end - tick, at, Fraction(gap, self.factor))


class Grid:
    """A constant frame rate, independent of the source's: frames at `first + k / rate`.

    Args:
      time_base: time base of the source.
      first: pts of the first source frame.
      rate: frame rate of the output, as FFmpeg can represent it.
      slower: how many times longer the output is.
      snapped: whether a slot within one tick of a source frame shows that frame, since timestamps are rounded, in
        Matroska to milliseconds. Not if the ticks of the source are as long as its frames.
    """

    def __init__(
        self, time_base: Fraction, first: int, rate: Fraction, slower: Fraction | int = 1, *, snapped: bool = True
    ) -> None:
        self.rate: Fraction | None = rate
        self._step = 1 / rate
        self._tick = time_base * slower
        self.reach = math.ceil(self._step / self._tick)
        self._near = 1 if snapped and self._step >= _TICKS_TO_SNAP * self._tick else 0
        """Ticks of the source within which two times count as equal."""
        self._origin = first * self._tick
        self.time_base = common_tick(self._step, self._origin)
        if not is_representable(self.time_base):
            # Too fine for FFmpeg: the start is rounded to a coarser time base, in which the step is a whole number.
            self.time_base = self._step / max(MOST // self._step.denominator, 1)

    def between(self, pts0: int, pts1: int) -> Iterator[Slot]:
        k = math.ceil(((pts0 - self._near) * self._tick - self._origin) / self._step)
        begin = math.floor(self._origin / self.time_base + Fraction(1, 2))
        ticks = int(self._step / self.time_base)
        while (time := self._origin + k * self._step) < (pts1 - self._near) * self._tick:
            at = time / self._tick
            here = at if at > pts0 + self._near else Fraction(pts0)
            yield Slot(begin + k * ticks, ticks, here, self._step / self._tick)
            k += 1


class Shutter:
    """Several moments for each frame of another timeline: those during which a camera's shutter is open.

    It opens at the time of the frame and stays open for a share of the time to the next frame. All moments of a frame
    have its pts, so that they can be averaged (`exposure.Exposure`).

    Args:
      frames: times of the output frames.
      first: pts of the first source frame.
      angle: angle of a rotary shutter, degrees: 360 is open for the whole time.
      samples: moments per frame, at equal distances.
    """

    def __init__(self, frames: Timeline, first: int, angle: Fraction, samples: int) -> None:
        self._frames, self._first, self._samples = frames, first, samples
        self._step = angle / 360 / samples
        self.time_base, self.rate, self.reach = frames.time_base, frames.rate, frames.reach

    def between(self, pts0: int, pts1: int) -> Iterator[Slot]:
        # The exposure of an earlier frame may extend into this gap.
        for slot in self._frames.between(max(pts0 - self.reach, self._first), pts1):
            for k in range(self._samples):
                at = slot.at + k * self._step * slot.span
                if pts0 <= at < pts1:
                    yield replace(slot, at=at, sample=k)


_TICKS_TO_SNAP = 16
"""Least number of source ticks per frame for which a difference of one tick counts as rounding."""
_PARTS = 90_000
"""Least ticks per second of a time base that is not a fraction of the source's; that of MPEG."""


def common_tick(first: Fraction, second: Fraction) -> Fraction:
    """Returns the greatest common divisor of two times; `second` may be 0."""
    return Fraction(
        math.gcd(first.numerator * second.denominator, second.numerator * first.denominator),
        first.denominator * second.denominator,
    )


def last_duration(own: int, gap: int, rate: Fraction | None, time_base: Fraction) -> int:
    """Returns the duration of the last frame in ticks: its own, else that of the frame before, else 1/rate."""
    if own > 0:
        return own
    if gap > 0:
        return gap
    return max(1, round(1 / (rate * time_base))) if rate else 1


def gap_limit(max_gap: Fraction, frames: int, rate: Fraction | None, time_base: Fraction) -> int | None:
    """Returns the longest gap to interpolate, in ticks: `max_gap` s or `frames` usual gaps, whichever is longer.

    None, no limit, for a `max_gap` of 0.
    """
    if not max_gap:
        return None
    limit = max_gap if rate is None else max(max_gap, frames / rate)
    return int(limit / time_base)


@dataclass(frozen=True)
class RateChoice:
    """The requested times of output frames, before the source is known."""

    fps: Fraction | None = None
    """Frame rate of the output; None for a multiple of the source's frames."""
    multiple: Fraction | int = 2
    """Output frames for each source frame. If it is not a whole number, the output has a constant rate."""
    slower: Fraction | int = 1
    """How many times longer the output is."""
    shutter: Fraction | None = None
    """Shutter angle, degrees; None: each frame shows one moment."""
    samples: int = 1
    """Moments that are averaged for each frame."""

    def timeline(self, time_base: Fraction, rate: Fraction | None, first_pts: int) -> Timeline:
        """Returns the timeline for a source.

        Args:
          time_base, rate: those of the source; the rate is None if unknown.
          first_pts: pts of its first frame.

        Raises:
          InputError: the rate is required but unknown, or FFmpeg cannot represent it.
        """
        frames = self._frames(time_base, rate, first_pts)
        return frames if self.shutter is None else Shutter(frames, first_pts, self.shutter, self.samples)

    def _frames(self, time_base: Fraction, rate: Fraction | None, first_pts: int) -> Timeline:
        # An exposure may start in one gap and end in the next, so its moments must not be snapped to source frames.
        snapped = self.shutter is None
        if self.fps is not None:
            return Grid(time_base, first_pts, _of_ffmpeg(self.fps), self.slower, snapped=snapped)
        if self.multiple.denominator == 1:
            return Multiple(time_base, rate, self.multiple.numerator, self.slower)
        if rate is None:
            text = "the frame rate of the input is unknown"
            raise InputError(text, hint="set the rate of the output with --fps")
        step_rate = _of_ffmpeg(rate * self.multiple / self.slower)
        return Grid(time_base, first_pts, step_rate, self.slower, snapped=snapped)

    def expected_frames(self, frames: int | None, rate: Fraction | None) -> int | None:
        """Returns the expected number of output frames; None if unknown."""
        if frames is None:
            return None
        if self.fps is None:
            return math.ceil(frames * self.multiple)
        return None if rate is None else round(Fraction(frames) / rate * self.fps * self.slower)

    def interpolated_frames(self, frames: int | None, rate: Fraction | None) -> int | None:
        """Returns the expected number of interpolated frames; None if unknown.

        At constant rates of source and output, some of the output frames coincide with source frames. Held frames are
        counted too, since cuts are not known in advance.

        Args:
          frames: number of source frames.
          rate: frame rate of the source.
        """
        shown = self.expected_frames(frames, rate)
        if shown is None:
            return None
        times = Fraction(self.multiple) if self.fps is None or rate is None else self.fps * self.slower / rate
        return max(shown * self.samples - math.ceil(Fraction(shown, times.numerator)), 0)


def _of_ffmpeg(rate: Fraction) -> Fraction:
    known = representable(rate)
    if known is None:
        raise InputError(f"FFmpeg cannot represent a rate of {float(rate):g} fps", hint="use another rate")
    return known
