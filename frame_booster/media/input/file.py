"""Input by FFmpeg: video files, standard input and other pipes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from frame_booster.errors import DecodeError
from frame_booster.media.input.animation import plays_of
from frame_booster.media.input.apng import ExactTimes, exact_times, is_cut_off
from frame_booster.media.input.chapters import chapters_of
from frame_booster.media.input.close_guard import CloseGuard
from frame_booster.media.input.container import (
    check_file,
    is_cover,
    is_item_beside_a_sequence,
    is_raw_stream,
    open_input,
)
from frame_booster.media.input.joined import check_joined
from frame_booster.media.input.packet_reader import PacketReader
from frame_booster.media.input.part import Labels, bounds, frames_of_part, nothing_in_part
from frame_booster.media.input.source import FrameFormat, Resume, Source, SourceFrame, SourceReport
from frame_booster.media.input.start_time import meaningless_start
from frame_booster.media.input.truncation import Completeness
from frame_booster.media.input.video_decoder import VideoDecoder
from frame_booster.media.input.video_stream import VideoTrack, choose_video, listed_frames, variant_of
from frame_booster.media.input.window import Window, end_of, time_of
from frame_booster.media.paths import PIPE
from frame_booster.media.pyav.rational import exact
from frame_booster.media.pyav.tag_text import mend_all
from frame_booster.options import InputOptions, Position
from frame_booster.timecode import Timecode

_LATE = Fraction(3, 2)
"""How much later than pictures of the same time packets of camera data can be in a file, s; usually a second."""


class FileSource(Source):
    """A video file, or standard input, opened for reading.

    Args:
      path: path of the file; `PIPE` is standard input.
      start: position of the first frame to yield; it gets the time 0.
      end: position before which to end.
      duration: length to read, instead of `end`.
      options: how to read it.

    Raises:
      InputError: the file is missing, empty, not a media file, or has no video.
    """

    def __init__(
        self,
        path: Path,
        *,
        start: Position | None = None,
        end: Position | None = None,
        duration: Position | None = None,
        options: InputOptions | None = None,
    ) -> None:
        self.path, self.report, self.options = path, SourceReport(), options or InputOptions()
        if path != PIPE:
            check_file(path)
        self._guard = CloseGuard()
        self.container = open_input(path, self.options)
        guessed = mend_all(self.container)
        if guessed:
            self.report.warn(f"tags that are not UTF-8 are read as Windows-1252: {', '.join(guessed)}")
        try:
            track = choose_video(self.container, path, self.options)
            self._exact = self._exact_times()
            if self._exact is not None:
                track = self._exact.applied(track)
            self.stream, self.info = track.stream, track.info
        except BaseException:
            self.container.close()
            raise
        variants = {v for s in self.container.streams if (v := variant_of(s)) is not None}
        if len(variants) > 1 and (chosen := variant_of(self.stream)) is not None:
            self.report.warn(f"only one of {len(variants)} variants is used, that of {chosen} bit/s")
        self.metadata = dict(self.container.metadata)
        origin = Fraction(self.container.start_time or 0, av.time_base)
        try:
            self._begin, self._end = bounds(self._labels(origin, track), start, end, duration, origin)
        except BaseException:
            self.container.close()
            raise
        self.part = (
            None if self._begin is None else self._begin - origin,
            None if self._end is None else self._end - origin,
        )
        self.whole = start is None and end is None and duration is None
        self._reached = self._reached_by_video = Fraction(0)
        rate = self.info.rate
        self._shift: Fraction | None = None if start is not None else meaningless_start(self.container)
        # A part of a file, or a reading taken up in the middle, has fewer frames than the file.
        decoded_base = exact(self.stream.time_base) or self.info.time_base
        if self._exact is not None:
            decoded_base = self._exact.time_base
        listed = self._listed_frames(track.rate) if self.whole else 0
        self._seen = Completeness(path, self.report, rate, decoded_base, listed)
        self._origin = origin
        self._video = VideoDecoder(path, track, self.options, self.report, self._seen, origin, self._begin)
        self._reader = PacketReader(self.container, path, self.stream, self.options, self.report, self._exact)
        self._video.counts_packets = self.whole
        self._video.counts_frames = self.options.rate is not None and is_raw_stream(self.container)

    def _exact_times(self) -> ExactTimes | None:
        if self.container.format.name != "apng" or self.options.ivtc:
            return None
        return exact_times(self.path)

    def _labels(self, origin: Fraction, track: VideoTrack) -> Labels:
        base, first = exact(self.stream.time_base) or self.info.time_base, self.stream.start_time
        kept = [s.metadata for s in self.other_streams if s.type == "data"]
        tags = [self.info.metadata, *kept, self.metadata]
        found = (Timecode.parse(value) for each in tags for key, value in each.items() if key.lower() == "timecode")
        return Labels(
            self.path,
            track.rate,
            next((label for label in found if label is not None), None),
            origin if first is None else first * base,
            base,
            self.info.frames,
        )

    def _listed_frames(self, rate: Fraction | None) -> int:
        # MOV and MP4 also list frames that an edit list leaves out.
        return listed_frames(self.stream, rate) if self.container.format.name == "avi" else 0

    @property
    def shift(self) -> Fraction:
        """Offset by which all times are moved towards 0, s; known after the first frame."""
        return self._shift or Fraction(0)

    @property
    def begins_at(self) -> Fraction:
        """Time of the first yielded frame in the video, s; 0 if all is read. Known after that frame."""
        if self._begin is None:
            return Fraction(0)
        first = self.stream.start_time
        base = exact(self.stream.time_base)
        return self.shift - (self._origin if first is None or base is None else first * base)

    @property
    def format(self) -> FrameFormat | None:
        """Format of all frames before cropping; known after the first."""
        return self._video.format

    @property
    def fields(self) -> str | None:
        return self._video.fields.treatment

    @property
    def expected_frames(self) -> int | None:
        """Number of frames that `items` will yield, for a progress bar; None if unknown."""
        if self.info.frames is None or self.info.rate is None:
            return self.info.frames
        return frames_of_part(self.info.frames, self.info.rate, *self.part)

    @property
    def other_streams(self) -> list[Any]:
        """All streams except the decoded one, and a still picture in its place."""
        variant = variant_of(self.stream)
        others = [s for s in self.container.streams if s.index != self.stream.index]
        if variant is not None:
            others = [s for s in others if variant_of(s) in (variant, None)]
        return [s for s in others if s.type != "video" or not is_item_beside_a_sequence(s)]

    @property
    def plays(self) -> int | None:
        return plays_of(self.path, self.container.format.name)

    @property
    def chapters(self) -> list[Any]:
        """Chapters in PyAV's form, with times of the part that is read; known after the first frame."""
        return chapters_of(self.container, self.shift, self._end, self.report, whole=self.whole)

    def items(
        self, *, resume: Resume | None = None, video: bool = True, packets: bool = True
    ) -> Iterator[SourceFrame | av.Packet]:
        """Yields decoded frames and packets of the other streams in file order (`source.Source.items`).

        With a start, all times are moved so that the first frame is at 0; packets before it are dropped.
        """
        if resume is not None:
            self._shift = resume.shift
        return self._guard.reading(self._items(resume, video, packets))

    def _items(self, resume: Resume | None, video: bool, packets: bool) -> Iterator[SourceFrame | av.Packet]:
        if resume is not None:
            self._video.begin_in(resume.format)
            self._video.fields.treatment = resume.fields
            self._video.part_begun = True
            self._seen.listed = 0
            self._video.counts_packets = False
        wanted = self._begin
        if resume is not None and video:
            wanted = resume.pts * self.info.time_base + resume.shift
        begin = self._reader.seek(wanted, subtitles=resume is None or not video)
        self._seen.joints = joints = set[int]()
        window = Window(self.shift, None if self._begin is None else self.shift, self._end, self.report)
        held: list[av.Packet] = []
        last_end: Fraction | None = None
        passed_end: set[int] = set()
        try:
            for packet in self._reader.packets(begin, joints):
                if packet.stream.index != self.stream.index:
                    if is_cover(packet.stream) and packet.size:
                        # Cover art has no time; muxers want one.
                        packet.pts = packet.dts = 0
                        if packets:
                            yield packet
                        continue
                    if packet.dts is None:
                        continue
                    self._reached = max(self._reached, end_of(packet))
                    if self._shift is None:
                        held.append(packet)
                    elif window.take(packet):
                        if packets:
                            yield packet
                    elif self._end is not None and time_of(packet) >= self._end:
                        passed_end.add(packet.stream.index)
                    if self._done(last_end, passed_end):
                        break
                    continue
                if packet.dts is not None:
                    self._reached_by_video = max(self._reached_by_video, time_of(packet))
                if not video:
                    continue
                for frame in self._video.decode(packet):
                    last_end = frame.pts * self.info.time_base + self._seen.lasts(frame.duration * self.info.time_base)
                    if self._shift is None:
                        if frame.pts * self.info.time_base < (self._begin or 0):
                            continue
                        self._shift = frame.pts * self.info.time_base
                        window.shift = self._shift
                        window.begin = None if self._begin is None else self._shift
                        self._video.part_begun = True
                        yield from (p for p in held if packets and window.take(p))
                        held.clear()
                    if self._end is not None and frame.pts * self.info.time_base >= self._end:
                        passed_end.add(self.stream.index)
                        continue
                    moved = self._moved(frame)
                    if resume is None or moved.pts >= resume.pts:
                        yield moved
                if self._done(last_end, passed_end):
                    break
        except av.error.FFmpegError as error:
            text = f"the file cannot be read to the end: {error.strerror}"
            if last_end is None and video:
                raise DecodeError(text, path=self.path) from error
            self.report.truncated = text
            return
        if video:
            self._check_length(last_end, whole=self.whole and resume is None)

    def _moved(self, frame: SourceFrame) -> SourceFrame:
        ticks = self.shift / self.info.time_base
        return replace(frame, pts=frame.pts - int(ticks))

    def _done(self, last_end: Fraction | None, passed_end: set[int]) -> bool:
        if self._end is None or last_end is None or self.stream.index not in passed_end:
            return False
        timed = {s.index for s in self.other_streams if s.type == "audio"}
        if (
            any(s.type in ("data", "subtitle") for s in self.other_streams)
            and self._reached_by_video < self._end + _LATE
        ):
            return False
        return timed <= passed_end or last_end > self._end + 5

    def _check_length(self, last_end: Fraction | None, *, whole: bool) -> None:
        """Raises an error if there was no frame; reports a file that is shorter than its header says."""
        if self._begin is not None and self._shift is None:
            length = self.container.duration
            raise nothing_in_part(self.path, Fraction(length, 1_000_000) if length else None)
        if last_end is None:
            raise DecodeError(self.report.truncated or "no frame can be decoded", path=self.path)
        if self.report.truncated is not None:
            return
        # FFmpeg goes on over the places of a chained Ogg file that it can read, and is at a loss at others.
        if self._end is None and "ogg" not in self.container.format.name:
            check_joined(self.path, self.container.format.name, self.report, strict=self.options.strict)
        if self._end is None and self.container.format.name == "apng" and is_cut_off(self.path, self._seen.frames):
            self.report.truncated = "the file has fewer frames than its header says: it is truncated"
            return
        self._seen.check_count()
        self._seen.check_packets(self.container.format.name)
        self._seen.check_header(self.container, self.info.metadata, last_end, self._reached, end=self._end, whole=whole)

    def close(self) -> None:
        self._guard.close(self._release)

    def _release(self) -> None:
        self._video.end_threads()
        self.container.close()
