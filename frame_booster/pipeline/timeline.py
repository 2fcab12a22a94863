"""When every frame of the output is shown. Exact throughout: no counter of frames, no float."""

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
    """A frame of the output: from `pts` for `duration`, in ticks of `Timeline.time_base`."""

    pts: int
    duration: int
    at: Fraction
    """The moment of the source it shows, in ticks of the source's time base."""
    span: Fraction = Fraction(0)
    """From that moment to the one that the next frame shows, likewise."""
    sample: int | None = None
    """Which of the moments of an exposure this is, from 0; None where a frame shows one moment (`Shutter`)."""


class Timeline(Protocol):
    """Where the frames of the output lie between those of the source."""

    time_base: Fraction
    """Of the output."""
    rate: Fraction | None
    """Average frames a second of the output, None if unknown."""
    reach: int
    """How far a slot may span beyond the frame after it, ticks of the source."""

    def between(self, pts0: int, pts1: int) -> Iterator[Slot]:
        """Yields the slots from one source frame up to the next, in ticks of the source."""
        ...


class Multiple:
    """`factor` frames for each frame: itself, then others at equal distances up to the next.

    Args:
      time_base: of the source.
      rate: average frames a second of the source, None if unknown.
      factor: frames out for each frame in. In the output's time base (`1 / factor` of the
        source's) a gap is `factor` times as many ticks, so every slot is exact. Where that time base is none of
        FFmpeg's (`MOST`) it is the finest part of the source's that is one, or else a part of a second, and slots are
        at the nearest tick.
      slower: how many times longer the output lasts.
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
        """Of the output's time base in a tick of the source's."""
        self.rate = None if rate is None else representable(rate * factor / slower)

    def between(self, pts0: int, pts1: int) -> Iterator[Slot]:
        gap = pts1 - pts0
        ats = [pts0 + Fraction(k * gap, self.factor) for k in range(self.factor + 1)]
        ticks = [math.floor(at * self._ticks + Fraction(1, 2)) for at in ats]
        for at, (tick, end) in zip(ats, itertools.pairwise(ticks), strict=False):
            yield Slot(tick, end - tick, at, Fraction(gap, self.factor))


class Grid:
    """A constant rate, whatever the source's: frames at `first + k / rate`.

    Args:
      time_base: of the source.
      first: pts of the source's first frame.
      rate: frames a second of the output, as FFmpeg can hold it.
      slower: how many times longer the output lasts.
      snapped: whether a frame that lies within a tick of one of the source shows that one: timestamps are rounded, in
        Matroska to milliseconds. Of a source whose ticks are as long as frames, none is.
    """

    def __init__(
        self, time_base: Fraction, first: int, rate: Fraction, slower: Fraction | int = 1, *, snapped: bool = True
    ) -> None:
        self.rate: Fraction | None = rate
        self._step = 1 / rate
        self._tick = time_base * slower
        self.reach = math.ceil(self._step / self._tick)
        self._near = 1 if snapped and self._step >= _TICKS_TO_SNAP * self._tick else 0
        """Ticks of the source within which two times are one."""
        self._origin = first * self._tick
        self.time_base = common_tick(self._step, self._origin)
        if not is_representable(self.time_base):
            # Too fine for FFmpeg: the grid begins at the nearest tick of a coarser one, of which it is a multiple.
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
    """Several moments for each frame of another timeline: those at which a camera's shutter is open.

    It opens at the frame's own time, and stays open for a share of the time to the next. All moments of a frame have
    its pts, so that what is shown in them can be averaged (`exposure.Exposure`).

    Args:
      frames: where the frames of the output lie.
      first: pts of the source's first frame.
      angle: of a rotary shutter, degrees: 360 is open for the whole time.
      samples: moments a frame, at equal distances.
    """

    def __init__(self, frames: Timeline, first: int, angle: Fraction, samples: int) -> None:
        self._frames, self._first, self._samples = frames, first, samples
        self._step = angle / 360 / samples
        self.time_base, self.rate, self.reach = frames.time_base, frames.rate, frames.reach

    def between(self, pts0: int, pts1: int) -> Iterator[Slot]:
        # A frame before may be open for longer than up to this one.
        for slot in self._frames.between(max(pts0 - self.reach, self._first), pts1):
            for k in range(self._samples):
                at = slot.at + k * self._step * slot.span
                if pts0 <= at < pts1:
                    yield replace(slot, at=at, sample=k)


_TICKS_TO_SNAP = 16
"""So many ticks of the source, at least, are to be a frame's time where one of them is to make no difference."""
_PARTS = 90_000
"""Of a second, at least, in a time base that is no part of the source's: as in MPEG."""


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
    multiple: Fraction | int = 2
    """Frames out for each frame in. Where it is no whole number the output has a constant rate."""
    slower: Fraction | int = 1
    """How many times longer the output lasts."""
    shutter: Fraction | None = None
    """How long a shutter would be open for a frame of the output, degrees of 360; None: each shows one moment."""
    samples: int = 1
    """Moments that are averaged for such a frame."""

    def timeline(self, time_base: Fraction, rate: Fraction | None, first_pts: int) -> Timeline:
        """Returns the timeline for a source.

        Args:
          time_base, rate: of the source; None is an unknown rate.
          first_pts: of its first frame.

        Raises:
          InputError: the rate is needed, and is not known, or none of FFmpeg's.
        """
        frames = self._frames(time_base, rate, first_pts)
        return frames if self.shutter is None else Shutter(frames, first_pts, self.shutter, self.samples)

    def _frames(self, time_base: Fraction, rate: Fraction | None, first_pts: int) -> Timeline:
        # An exposure may begin in one gap and end in the next, so that its moments are to be where they are.
        snapped = self.shutter is None
        if self.fps is not None:
            return Grid(time_base, first_pts, _of_ffmpeg(self.fps), self.slower, snapped=snapped)
        if self.multiple.denominator == 1:
            return Multiple(time_base, rate, self.multiple.numerator, self.slower)
        if rate is None:
            text = f"{self.multiple} frames for one need the rate of the source, which it does not tell"
            raise InputError(text, hint="give the rate of the result with --fps")
        step_rate = _of_ffmpeg(rate * self.multiple / self.slower)
        return Grid(time_base, first_pts, step_rate, self.slower, snapped=snapped)

    def expected_frames(self, frames: int | None, rate: Fraction | None) -> int | None:
        """Returns how many frames the output will have, as far as the source tells; None if unknown."""
        if frames is None:
            return None
        if self.fps is None:
            return math.ceil(frames * self.multiple)
        return None if rate is None else round(Fraction(frames) / rate * self.fps * self.slower)

    def interpolated_frames(self, frames: int | None, rate: Fraction | None) -> int | None:
        """Returns how many frames are to be interpolated, as far as the source tells; None if unknown.

        At a constant rate of the source and the output, one of so many frames of the output lies at one of the source.
        What is held is counted, too: cuts are not known before they are seen.

        Args:
          frames: of the source.
          rate: of the source.
        """
        shown = self.expected_frames(frames, rate)
        if shown is None:
            return None
        times = Fraction(self.multiple) if self.fps is None or rate is None else self.fps * self.slower / rate
        return max(shown * self.samples - math.ceil(Fraction(shown, times.numerator)), 0)


def _of_ffmpeg(rate: Fraction) -> Fraction:
    known = representable(rate)
    if known is None:
        raise InputError(f"FFmpeg has no rate of {float(rate):g} frames a second", hint="give another rate")
    return known
