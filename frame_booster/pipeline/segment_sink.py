"""Opening and boundaries of a run: what a sink is told beside frames and packets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

import av

from frame_booster.media.input.source import Resume
from frame_booster.media.output.sink import Sink
from frame_booster.pipeline.pairing import Counts
from frame_booster.pipeline.timeline import Timeline


@dataclass(frozen=True)
class Boundary:
    """A place where the run can be resumed: all frames before it are written, the source frame at it is next."""

    next: Resume
    first_pts: int
    """Of the whole run's first source frame."""
    gap: int
    counts: Counts


@dataclass(frozen=True)
class Opening:
    """What a sink has to know before the first frame."""

    frame: av.VideoFrame
    timeline: Timeline
    pts: int
    """Time of that frame, ticks of the source."""


@dataclass(frozen=True)
class SegmentGrid:
    """Where segments begin: number n at the first frame that is n lengths or more after the first of all.

    A frame's time alone says which segment it is in, so that any of them can be made without those before it. Numbers
    may be left out, where a gap is longer than a segment.

    Args:
      origin: time of the first frame of all, ticks of the source.
      length: of a segment, ticks of the source.
    """

    origin: int
    length: Fraction

    def number_at(self, pts: int) -> int:
        """Returns the number of the segment that a frame is in."""
        return math.floor((pts - self.origin) / self.length)

    def begin_of(self, number: int) -> int:
        """Returns the earliest time of a frame in a segment."""
        return math.ceil(self.origin + number * self.length)


@runtime_checkable
class SegmentedSink(Sink, Protocol):
    """A sink that makes what it has got durable at boundaries."""

    def cut(self, boundary: Boundary) -> None:
        """Ends a segment; frames from `boundary` on belong to the next."""
        ...
