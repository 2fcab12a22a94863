"""A sink that encodes into independent segments, each with a new encoder, so that a run can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import av

from frame_booster.media.input.source import SourceReport
from frame_booster.media.output.segments import SegmentWriter
from frame_booster.media.output.sink import Written
from frame_booster.media.output.video_encoder import VideoEncoder
from frame_booster.pipeline.boundaries import Boundary
from frame_booster.pipeline.pairing import Counts


class SegmentStore(Protocol):
    """Storage for the segments of a `SegmentSink`."""

    @property
    def frames(self) -> int:
        """Number of output frames before the first of these segments."""
        ...

    def new(self) -> SegmentWriter:
        """Starts a segment."""
        ...

    def add(
        self,
        writer: SegmentWriter,
        frames: int,
        boundary: Boundary | None,
        counts: Counts | None = None,
        warnings: Iterable[str] = (),
        truncated: str | None = None,
    ) -> None:
        """Completes a segment and records it; arguments as in `Segments.add`."""
        ...


class SegmentSink:
    """Encodes into segments, each with an encoder of its own; a `boundaries.SegmentedSink`.

    Args:
      segments: storage for the segments.
      open_encoder: opens an encoder, given the number of output frames before its segment.
      counts: returns the counts of all frames, called after the last frame.
      report: returns the source's report so far, which is stored because a resumed run would not have it.
      lone: whether the first segment is the only one.
    """

    def __init__(
        self,
        segments: SegmentStore,
        open_encoder: Callable[[int], VideoEncoder],
        counts: Callable[[], Counts],
        report: Callable[[], SourceReport] = SourceReport,
        *,
        lone: bool = False,
    ) -> None:
        self._lone, self._ended = lone, False
        self.segments, self._open_encoder, self._counts, self._report = segments, open_encoder, counts, report
        self.written = Written(frames=segments.frames)
        self.warnings: list[str] = []
        self._begin()

    def _begin(self) -> None:
        self._encoder = self._open_encoder(self.written.frames)
        self._encoder.warnings = self.warnings
        self._writer = self.segments.new()

    def write(self, frame: av.VideoFrame, pts: int, duration: int, captions: bytes = b"") -> None:
        """Encodes a frame into the current segment."""
        self._add(self._encoder.encode(frame, pts, duration, captions))
        self.written.add(pts, duration)

    def _add(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            self._writer.add(packet)

    def copy(self, packet: av.Packet) -> None:
        """Ignores a packet of another stream: these are read again when the segments are joined."""

    def cut(self, boundary: Boundary) -> None:
        """Completes the current segment and starts the next one."""
        self._end(boundary)
        if not self._lone:
            self._begin()

    def _end(self, boundary: Boundary | None) -> None:
        self._ended = self._lone
        self._add(self._encoder.flush())
        counts = self._counts() if boundary is None else None
        report = self._report()
        told = [*report.warnings, *self.warnings]
        self.segments.add(self._writer, self.written.frames, boundary, counts, told, report.truncated)

    def finish(self) -> Written:
        """Completes the last segment."""
        if not self._ended:
            self._end(None)
        return self.written

    def __enter__(self) -> SegmentSink:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:
            self._writer.abandon()
