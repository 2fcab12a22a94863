"""Opening and boundaries of a run: what a sink is told beside frames and packets."""

from __future__ import annotations

from dataclasses import dataclass
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


@runtime_checkable
class SegmentedSink(Sink, Protocol):
    """A sink that makes what it has got durable at boundaries."""

    def cut(self, boundary: Boundary) -> None:
        """Ends a segment; frames from `boundary` on belong to the next."""
        ...
