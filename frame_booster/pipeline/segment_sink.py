"""Encoding into segments that stand alone, each by a fresh encoder: what makes a run that is cut off go on."""

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
    """What takes the segments that a `SegmentSink` encodes."""

    @property
    def frames(self) -> int:
        """Frames of the output before the first of these segments."""
        ...

    def new(self) -> SegmentWriter:
        """Begins a segment."""
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
        """Takes note of a complete one, as `Segments.add`."""
        ...


class SegmentSink:
    """Encodes into segments, each with an encoder of its own; a `sink.Sink` that can be cut.

    Args:
      segments: takes them.
      open_encoder: opens an encoder, given the number of frames that are encoded already.
      counts: what became of all frames, asked when all are written.
      report: what the reading has noticed so far, which a later run would not know of.
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
        """Encodes a frame into the present segment."""
        self._add(self._encoder.encode(frame, pts, duration, captions))
        self.written.add(pts, duration)

    def _add(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            self._writer.add(packet)

    def copy(self, packet: av.Packet) -> None:
        """Other streams are read again when the segments are joined."""

    def cut(self, boundary: Boundary) -> None:
        """Makes the present segment durable and begins the next."""
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
        """Makes the last segment durable."""
        if not self._ended:
            self._end(None)
        return self.written

    def __enter__(self) -> SegmentSink:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:
            self._writer.abandon()
