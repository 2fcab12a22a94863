"""Where a run begins, and where it can be cut: what a sink is told beside frames and packets."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

import av

from frame_booster.media.input.source import FrameFormat, Resume
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


def boundary_facts(boundary: Boundary) -> dict[str, Any]:
    """Returns a boundary as JSON can hold it."""
    return {
        "pts": boundary.next.pts,
        "shift": str(boundary.next.shift),
        "format": None if boundary.next.format is None else asdict(boundary.next.format),
        "fields": boundary.next.fields,
        "first_pts": boundary.first_pts,
        "gap": boundary.gap,
        "counts": asdict(boundary.counts),
    }


def boundary_from(facts: dict[str, Any]) -> Boundary:
    """Returns the boundary of which `boundary_facts` gave these."""
    here = Resume(
        facts["pts"],
        Fraction(facts["shift"]),
        None if facts["format"] is None else FrameFormat(**facts["format"]),
        facts["fields"],
    )
    return Boundary(here, facts["first_pts"], facts["gap"], Counts(**facts["counts"]))
