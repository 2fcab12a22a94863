"""Two videos in sync: finds, for each frame of a boosted video, the surrounding frames of its source by timestamps.

Frames are not counted: a frame is interpolated if the source has no frame at its time. So constant and variable frame
rates, held frames and parts of a video need no special cases.
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
    """A frame and its time."""

    time: Fraction
    """Time since the first frame of the video, in s."""
    frame: av.VideoFrame
    number: int
    """Number of the frame among those that were read, from 0."""


@dataclass(frozen=True)
class Moment:
    """A frame of the boosted video and the surrounding frames of the source."""

    after: TimedFrame
    """The frame of the boosted video."""
    earlier: TimedFrame
    """The source frame at that time, else the last one before."""
    later: TimedFrame | None
    """The next source frame; None after the last."""
    interpolated: bool
    """Whether the source has no frame at that time."""
    t: Fraction | None
    """Time between the two source frames, in (0, 1); None if the frame is not between two frames."""


class Reading:
    """Reads a source, or a part of it, with times since the first frame of the video.

    Args:
      source: an open source, at its beginning or with a start to which it seeks.
      not_before: time in s before which frames are skipped.
      until: time in s at which reading ends; None is the end of the source.
    """

    def __init__(self, source: Source, *, not_before: Fraction = Fraction(0), until: Fraction | None = None) -> None:
        self.source, self._not_before, self._until = source, not_before, until
        self.first: Fraction | None = None
        """Time of the first frame that was yielded."""
        self.origin = Fraction(0)
        """Timestamp in s of the first frame of the video, which is subtracted from timestamps."""

    def items(self, *, packets: bool = False) -> Iterator[TimedFrame | av.Packet]:
        """Yields frames, and with `packets` also the packets of the other streams."""
        base = self.source.info.time_base
        begun, number = False, 0
        for item in self.source.items(packets=packets):
            if not isinstance(item, SourceFrame):
                yield item
                continue
            if not begun:
                begun = True
                # `begins_at` is the start of a part in its video, and 0 for a whole video.
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
    """Returns whether a source can be opened at a position in the middle and reports that position."""
    return isinstance(source, FileSource)


class Step:
    """Iterates over a source in sync with its boosted video.

    Args:
      frames: frames of the source.
      begin: time in the source, in s, at which the boosted video starts; None is the time of the first frame.
      slower: factor by which the boosted video is longer.
      tolerance: largest difference of timestamps of the same moment, in s of the boosted video, since both containers
        round them.
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
        """Returns the moment of a frame of the boosted video, which must be later than those of earlier calls.

        None if the frame is before the first source frame.
        """
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
    """Returns the tolerance for timestamps of the same moment in s: one tick of each, at most a quarter of a frame."""
    ticks = before.info.time_base * slower + after.info.time_base
    rate = after.info.rate
    return ticks if rate is None else min(ticks, 1 / rate / 4)
