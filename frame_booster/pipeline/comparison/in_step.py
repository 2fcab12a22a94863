"""Two videos in step: for each frame of the boosted one, the frames of its source around it, by their timestamps.

Nothing is counted: which frames are interpolated follows from the times that the boosted video has and its source has
not, so that a constant rate, variable frame rate, held frames and a part of a video are all one case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av

from frame_booster.media.input.file import FileSource
from frame_booster.media.input.source import Source, SourceFrame


@dataclass(frozen=True)
class TimedFrame:
    """A frame at its time after the first frame of its video, s."""

    time: Fraction
    frame: av.VideoFrame
    number: int
    """Of the frame among those that were read, from 0."""


@dataclass(frozen=True)
class Moment:
    """A frame of the boosted video and what of the source surrounds it."""

    after: TimedFrame
    earlier: TimedFrame
    """The source's frame at that time or, where it has none, the one before."""
    later: TimedFrame | None
    """The source's next frame; None after its last."""
    interpolated: bool
    """Whether the source has no frame at that time."""
    t: Fraction | None
    """Where the frame lies between both, in (0, 1); None where it does not."""


class Reading:
    """A source read from its first frame on, or from one in the middle, by times after the video's first frame.

    Args:
      source: opened, with a start that it seeks to, or from its beginning.
      not_before: frames of an earlier time, s, are left out.
      until: frames from there on are left out, s; None is the end.
    """

    def __init__(self, source: Source, *, not_before: Fraction = Fraction(0), until: Fraction | None = None) -> None:
        self.source, self._not_before, self._until = source, not_before, until
        self.first: Fraction | None = None
        """Time of the first frame that was given."""
        self.origin = Fraction(0)
        """What is to be taken from timestamps, s, to have times after the video's first frame."""

    def items(self, *, packets: bool = False) -> Iterator[TimedFrame | av.Packet]:
        """Yields frames, and the packets of the other streams where they are asked for."""
        base = self.source.info.time_base
        begun, number = False, 0
        for item in self.source.items(packets=packets):
            if not isinstance(item, SourceFrame):
                yield item
                continue
            if not begun:
                begun = True
                # Of a part the source says how far into the video it begins; else the first frame is the beginning.
                self.origin = item.pts * base - self.source.begins_at
            time = item.pts * base - self.origin
            if self._until is not None and time >= self._until:
                return
            if time < self._not_before:
                continue
            if self.first is None:
                self.first = time
            yield TimedFrame(time, item.frame, number)
            number += 1

    def frames(self) -> Iterator[TimedFrame]:
        """Yields the frames."""
        return (item for item in self.items() if isinstance(item, TimedFrame))


def can_start(source: Source) -> bool:
    """Tells whether a source says how far into the video it begins, so that it can be opened in the middle."""
    return isinstance(source, FileSource)


class Step:
    """Goes through a source beside its boosted video.

    Args:
      frames: of the source.
      begin: time of the source, s, that the boosted video begins at; None is that of the first of the frames.
      slower: how many times longer the boosted video lasts.
      tolerance: by so much, s of the boosted video, two timestamps of one moment differ at most: what both
        containers round by.
    """

    def __init__(
        self, frames: Iterator[TimedFrame], begin: Fraction | None, slower: Fraction, tolerance: Fraction
    ) -> None:
        self._frames, self._slower, self._tolerance = frames, slower, tolerance
        self._earlier: TimedFrame | None = None
        self._later = next(self._frames, None)
        if begin is None:
            begin = Fraction(0) if self._later is None else self._later.time
        self.begin = begin

    def _time(self, frame: TimedFrame) -> Fraction:
        return (frame.time - self.begin) * self._slower

    def moment(self, after: TimedFrame) -> Moment | None:
        """Returns what surrounds a frame of the boosted video, later than any before; None before the source begins."""
        while self._later is not None and self._time(self._later) <= after.time + self._tolerance:
            self._earlier, self._later = self._later, next(self._frames, None)
        if self._earlier is None:
            return None
        since = after.time - self._time(self._earlier)
        if abs(since) <= self._tolerance:
            return Moment(after, self._earlier, self._later, False, None)
        t = None
        if self._later is not None:
            t = since / (self._time(self._later) - self._time(self._earlier))
        return Moment(after, self._earlier, self._later, True, t)


def tolerance_of(before: Source, after: Source, slower: Fraction) -> Fraction:
    """Returns by how much timestamps of one moment may differ, s: a tick of each, less than a quarter of a frame."""
    ticks = before.info.time_base * slower + after.info.time_base
    rate = after.info.rate
    return ticks if rate is None else min(ticks, 1 / rate / 4)
