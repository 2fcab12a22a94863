"""Reading a video file: decoded frames of one stream and the packets of all others, in file order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import av.error

from frame_booster.errors import DecodeError, InputError
from frame_booster.media.planes import planar
from frame_booster.media.rational import exact, rescale

TRUNCATED_BY = Fraction(1)
"""A stream that ends this much earlier than its file says, s, is not all there."""
_SEEK_MARGIN = Fraction(1)


@dataclass(frozen=True)
class VideoInfo:
    """What is known of the video stream before it is decoded."""

    width: int
    height: int
    pix_fmt: str
    time_base: Fraction
    rate: Fraction | None
    """Average frames a second, None if unknown."""
    sample_aspect_ratio: Fraction | None
    frames: int | None
    """Number of frames, as far as the container tells or its duration lets guess."""


@dataclass(frozen=True)
class SourceFrame:
    """A decoded frame, in one component a plane, with its time in ticks of `VideoInfo.time_base`."""

    frame: av.VideoFrame
    pts: int
    duration: int
    """Ticks; 0 if the source does not say."""


@dataclass
class SourceReport:
    """What was noticed while reading."""

    decode_errors: int = 0
    warnings: list[str] = field(default_factory=list)


class FileSource:
    """A video file opened for reading; use as a context manager.

    Args:
      path: of the file.
      start: where to begin, s from the file's start; frames from there on are given, the first at 0.
      duration: how much to give, s.

    Raises:
      InputError: the file is missing, empty, not a media file, or has no video.
    """

    def __init__(self, path: Path, *, start: Fraction | None = None, duration: Fraction | None = None) -> None:
        self.path, self.report = path, SourceReport()
        if not path.exists():
            raise InputError("no such file", path=path)
        if path.is_dir():
            raise InputError("is a folder, not a video", path=path)
        if path.stat().st_size == 0:
            raise InputError("the file is empty", path=path)
        try:
            self.container = av.open(str(path))
        except av.error.FFmpegError as error:
            raise InputError(
                f"cannot be opened as a video: {error.strerror}",
                path=path,
                hint="it may be truncated, or of a kind FFmpeg does not know",
            ) from error
        try:
            self._choose_stream()
        except BaseException:
            self.container.close()
            raise
        origin = Fraction(self.container.start_time or 0, av.time_base)
        self._begin = None if start is None else origin + start
        self._end = None if duration is None else (origin if self._begin is None else self._begin) + duration
        self._reached = Fraction(0)
        rate = self.info.rate
        self._ticks_per_frame = round(1 / (rate * self.info.time_base)) if rate else None
        self._next_pts: int | None = None
        self._shift: Fraction | None = None if start is not None else Fraction(0)

    def _choose_stream(self) -> None:
        pictures = [s for s in self.container.streams.video if not s.disposition & _ATTACHED_PICTURE]
        if not pictures:
            raise InputError("has no video stream", path=self.path)
        stream = pictures[0]
        context = stream.codec_context
        if not context.width or not context.height or context.pix_fmt is None:
            raise InputError("the video stream cannot be decoded: its size or format is unknown", path=self.path)
        # Frame threads where there are any: faster, and FFmpeg's VP8 decoder gives other pixels now and then
        # in slice threads, PyAV's default.
        stream.thread_type = "AUTO"
        rate = exact(stream.average_rate) or exact(stream.guessed_rate)
        time_base = exact(stream.time_base)
        if time_base is None:
            raise InputError("the video stream has no time base", path=self.path)
        self.stream = stream
        self.info = VideoInfo(
            width=context.width,
            height=context.height,
            pix_fmt=context.pix_fmt,
            time_base=time_base,
            rate=rate,
            sample_aspect_ratio=exact(stream.sample_aspect_ratio),
            frames=self._guess_frames(stream, rate, time_base),
        )

    def _guess_frames(self, stream: Any, rate: Fraction | None, time_base: Fraction) -> int | None:
        if stream.frames:
            return int(stream.frames)
        if rate is None:
            return None
        if stream.duration:
            return round(stream.duration * time_base * rate)
        if self.container.duration:
            return round(Fraction(self.container.duration, av.time_base) * rate)
        return None

    @property
    def whole(self) -> bool:
        """Whether all of the file is read, at its own times."""
        return self._begin is None and self._end is None

    @property
    def expected_frames(self) -> int | None:
        """How many frames `items` will give, for a progress bar; None if unknown."""
        if self.info.frames is None or self.info.rate is None:
            return self.info.frames
        begin = self._begin or Fraction(0)
        length = self.info.frames / self.info.rate - begin
        if self._end is not None:
            length = min(length, self._end - begin)
        return max(round(length * self.info.rate), 0)

    @property
    def other_streams(self) -> list[Any]:
        """All streams but the one that is decoded."""
        return [s for s in self.container.streams if s.index != self.stream.index]

    def items(self) -> Iterator[SourceFrame | av.Packet]:
        """Yields decoded frames and the other streams' packets as the file holds them.

        With a start, both are moved so that the first frame is at 0; packets before it are left out.

        Raises:
          DecodeError: the file breaks off, or a frame's size changes.
        """
        if self._begin is not None and self._begin > 0:
            self.container.seek(max(int((self._begin - _SEEK_MARGIN) * av.time_base), 0))
        held: list[av.Packet] = []
        last_end: Fraction | None = None
        passed_end: set[int] = set()
        try:
            for packet in self.container.demux():
                if packet.stream.index != self.stream.index:
                    if packet.dts is None:
                        continue
                    self._reached = max(self._reached, self._time(packet))
                    if self._shift is None:
                        held.append(packet)
                    elif self._keeps(packet):
                        yield packet
                    elif self._end is not None and self._time(packet) >= self._end:
                        passed_end.add(packet.stream.index)
                    if self._done(last_end, passed_end):
                        break
                    continue
                for frame in self._decode(packet):
                    last_end = (frame.pts + frame.duration) * self.info.time_base
                    if self._shift is None:
                        if frame.pts * self.info.time_base < (self._begin or 0):
                            continue
                        self._shift = frame.pts * self.info.time_base
                        yield from (p for p in held if self._keeps(p))
                        held.clear()
                    if self._end is None or frame.pts * self.info.time_base < self._end:
                        yield self._moved(frame)
                    else:
                        passed_end.add(self.stream.index)
                if self._done(last_end, passed_end):
                    break
        except av.error.FFmpegError as error:
            raise DecodeError(f"cannot be read to its end: {error.strerror}", path=self.path) from error
        self._check_length(last_end)

    def _decode(self, packet: av.Packet) -> Iterator[SourceFrame]:
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            # FFmpeg's own programs go on after a damaged packet, too; the report counts it.
            self.report.decode_errors += 1
            return
        for frame in frames:
            if (frame.width, frame.height) != (self.info.width, self.info.height):
                raise DecodeError(
                    f"the picture changes from {self.info.width}x{self.info.height} to "
                    f"{frame.width}x{frame.height} in mid-stream",
                    path=self.path,
                    hint="split the file there, or scale it to one size",
                )
            if frame.interlaced_frame and self._next_pts is None:
                raise InputError(
                    "is interlaced: each picture shows two moments, with nothing right between two of them",
                    path=self.path,
                    hint="deinterlace it first, for example ffmpeg -i INPUT -vf bwdif -c:a copy OUTPUT",
                )
            pts = frame.pts if frame.pts is not None else self._missing_pts()
            self._next_pts = pts + (frame.duration or self._ticks_per_frame or 0)
            yield SourceFrame(planar(frame), pts, frame.duration or 0)

    def _missing_pts(self) -> int:
        """Returns where a frame without a timestamp follows, by the one before and the stream's rate."""
        if not self._ticks_per_frame:
            raise DecodeError("frames have neither timestamps nor a rate", path=self.path)
        if not self.report.warnings:
            self.report.warnings.append(f"frames without timestamps are shown at {self.info.rate} frames a second")
        return 0 if self._next_pts is None else self._next_pts

    def _moved(self, frame: SourceFrame) -> SourceFrame:
        shift = self._shift or Fraction(0)
        ticks = shift / self.info.time_base
        return SourceFrame(frame.frame, frame.pts - int(ticks), frame.duration)

    def _time(self, packet: av.Packet) -> Fraction:
        base = exact(packet.time_base)
        stamp = packet.dts if packet.pts is None else packet.pts
        assert base is not None
        return stamp * base

    def _keeps(self, packet: av.Packet) -> bool:
        """Tells whether a packet lies in the part asked for, and moves it to the part's own time."""
        shift = self._shift or Fraction(0)
        time = self._time(packet)
        if self._begin is not None and time < shift:
            return False
        if self._end is not None and time >= self._end:
            return False
        if shift:
            base = exact(packet.time_base)
            assert base is not None
            ticks = rescale(1, shift, base)
            packet.pts = None if packet.pts is None else packet.pts - ticks
            packet.dts = packet.dts - ticks
        return True

    def _done(self, last_end: Fraction | None, passed_end: set[int]) -> bool:
        if self._end is None or last_end is None or self.stream.index not in passed_end:
            return False
        timed = {s.index for s in self.other_streams if s.type == "audio"}
        return timed <= passed_end or last_end > self._end + 5

    def _check_length(self, last_end: Fraction | None) -> None:
        """Raises DecodeError where the file is shorter than its header says, as a broken download is."""
        if self._begin is not None and self._shift is None:
            raise InputError("has no frame in the part asked for", path=self.path)
        if last_end is None:
            raise DecodeError("not one frame could be decoded", path=self.path)
        kinds = set(self.container.format.name.split(","))
        if not self.container.duration or not kinds & _TELL_THEIR_LENGTH:
            return
        promised = Fraction((self.container.start_time or 0) + self.container.duration, av.time_base)
        if self._end is not None:
            promised = min(promised, self._end)
        reached = max(last_end, self._reached)
        if reached < promised - TRUNCATED_BY:
            raise DecodeError(
                f"the file ends at {float(reached):.2f} s of {float(promised):.2f} s: it is truncated",
                path=self.path,
                hint="get the whole file, or take what is there with --duration",
            )

    def close(self) -> None:
        self.container.close()

    def __enter__(self) -> FileSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_TELL_THEIR_LENGTH = frozenset({"matroska", "mov", "avi", "asf", "nut"})
"""Containers, by FFmpeg's names, whose header has the true length; for others FFmpeg may guess it."""

_ATTACHED_PICTURE = 0x400
"""AV_DISPOSITION_ATTACHED_PIC: cover art."""
