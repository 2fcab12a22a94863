"""The start of a run and the boundaries of its segments, which sinks receive in addition to frames and packets."""

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
    """A point at which the run can be resumed: all output before it is written, and the source frame at it is next."""

    next: Resume
    first_pts: int
    """pts of the first source frame of the whole run."""
    gap: int
    """Time between the two source frames before this point, in ticks of the source (`Pairing.gap`)."""
    counts: Counts
    """Counts of all frames before this point."""


@dataclass(frozen=True)
class Opening:
    """Facts that a sink needs before the first frame."""

    frame: av.VideoFrame
    """The first source frame."""
    timeline: Timeline
    pts: int
    """pts of that frame in ticks of the source."""


@dataclass(frozen=True)
class SegmentGrid:
    """The division of a source into segments: segment n starts at the first frame at least n lengths after the origin.

    The time of a frame alone determines its segment, so a segment can be made without those before it. Numbers are
    skipped where a gap is longer than a segment.

    Args:
      origin: pts of the first frame of the source, in ticks.
      length: length of a segment, in ticks of the source.
    """

    origin: int
    length: Fraction

    def number_at(self, pts: int) -> int:
        """Returns the number of the segment that contains a frame."""
        return math.floor((pts - self.origin) / self.length)

    def begin_of(self, number: int) -> int:
        """Returns the earliest pts of a frame in a segment."""
        return math.ceil(self.origin + number * self.length)


@runtime_checkable
class SegmentedSink(Sink, Protocol):
    """A sink that flushes its output to disk at boundaries."""

    def cut(self, boundary: Boundary) -> None:
        """Ends a segment; frames from `boundary` on belong to the next one."""
        ...


def boundary_facts(boundary: Boundary) -> dict[str, Any]:
    """Returns a boundary as JSON."""
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
    """Returns a boundary from the JSON of `boundary_facts`."""
    here = Resume(
        facts["pts"],
        Fraction(facts["shift"]),
        None if facts["format"] is None else FrameFormat(**facts["format"]),
        facts["fields"],
    )
    return Boundary(here, facts["first_pts"], facts["gap"], Counts(**facts["counts"]))
