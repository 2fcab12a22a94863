"""Output to a file or pipe: one encoded video stream, and all streams that are passed through."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import av.codec
import av.error

from frame_booster.broken_pipe import is_gone
from frame_booster.errors import OutputError
from frame_booster.media.frames.display import is_turned
from frame_booster.media.frames.side_data import has_profile, side_data
from frame_booster.media.input.container import is_attached
from frame_booster.media.input.source import Source
from frame_booster.media.mp4.projection import add_projection
from frame_booster.media.output.apng import set_last_delay
from frame_booster.media.output.encoders import needs_riff_header
from frame_booster.media.output.muxer import open_output, start_output
from frame_booster.media.output.refusals import cannot_write, writing
from frame_booster.media.output.sink import TICKS, SinkOptions, Written
from frame_booster.media.output.video_encoder import VideoEncoder
from frame_booster.media.output.webp import set_length
from frame_booster.media.passthrough.capabilities import (
    MP4_FAMILY,
    VIDEO_ONLY,
    keeps_chapters,
    keeps_pixel_shape,
    keeps_rotation,
    lost_profile,
    shown_format,
)
from frame_booster.media.passthrough.copying import slowed
from frame_booster.media.passthrough.notices import Notices
from frame_booster.media.passthrough.streams import Passthrough, StreamFate, is_timecode_track, wants_wave_headers
from frame_booster.media.passthrough.tags import KEYS_OPTION, kept_tags, lost_tags, named
from frame_booster.media.passthrough.timecode import KEY, retimed
from frame_booster.media.paths import is_pipe
from frame_booster.media.pyav.compat import set_display_matrix
from frame_booster.media.pyav.ffmpeg_log import errors_logged
from frame_booster.media.pyav.rational import rescale


class FileSink:
    """Encodes frames and passes packets through into a file or a pipe; a `sink.Sink`.

    Args:
      path: path of the file, which is created or replaced; the caller renames it on success. Or a pipe, or, for a
        trial, memory.
      source: the input, whose tags and other streams are passed through.
      first: its first frame, which has the colour tags.
      options: how to write.

    Raises:
      EncodeError: the encoder or the container does not support what is requested.
    """

    def __init__(self, path: Path | BytesIO, source: Source, first: av.VideoFrame, options: SinkOptions) -> None:
        self.name, self.time_base, self._format = options.name, options.time_base, options.format
        self._is_pipe = isinstance(path, Path) and is_pipe(path)
        self._path = path if isinstance(path, Path) and not self._is_pipe else None
        """File that can be sought in, if there is one."""
        self.warnings: list[str] = []
        self.written = Written()
        self._first_dts: int | None = None
        self._last: av.Packet | None = None
        self._rates = source.info.rate, options.rate, source.begins_at
        tags = self._retimed(source.metadata)
        wave_headers = wants_wave_headers(options.format, source, options.passthrough)
        wave_headers |= needs_riff_header(options.encoder.codec, options.format)
        self.container = open_output(path, options, tags, source.plays, wave_headers=wave_headers)
        try:
            self.encoder = VideoEncoder(self.container, first, source.info, options)
            self._notices = Notices(options.format, self.name, options.passthrough)
            self._describe(self.encoder.stream, first, source)
            self._passthrough = Passthrough(
                self.container, options.format, source, self.name, options.passthrough, self._put_copied, self._retimed
            )
            self.written.packets, self.written.sizes = self._passthrough.packets, self._passthrough.sizes
            self.written.tags |= self._passthrough.tags
            self.written.dispositions |= self._passthrough.dispositions
            self.written.attached = {s.index for s in self.container.streams if is_attached(s)}
            self._warn_of_lost_tags(options.format, tags)
            if source.chapters:
                self._add_chapters(source, options.passthrough.slower)
            try:
                with errors_logged() as said:
                    start_output(self.container, options.encoder, self.name)
            except (av.error.FFmpegError, ValueError) as error:
                raise self.encoder.refused(error, said) from error
            self.encoder.opened(TICKS.get(options.format))
        except BaseException:
            self.container.close()
            raise
        self.warnings[:0] = self.encoder.warnings
        self.warnings += self._notices.warnings + self._passthrough.warnings
        # Later warnings of the encoder become warnings of the output.
        self.encoder.warnings = self.warnings

    def _describe(self, stream: Any, first: av.VideoFrame, source: Source) -> None:
        """Copies tags, disposition and rotation of the source's video stream."""
        tags = {k: v for k, v in named(source.info.metadata).items() if k.lower() not in _STALE_TAGS}
        label = next((s.metadata[KEY] for s in source.other_streams if is_timecode_track(s)), None)
        tags = self._retimed(tags if label is None else {KEY: label} | tags)
        stream.metadata.update(tags)
        self.written.tags[stream.index] = tags
        self.written.dispositions[stream.index] = ("video", source.info.disposition)
        if source.info.disposition:
            stream.disposition = source.info.disposition
        matrix = side_data(first, "DISPLAYMATRIX")
        if matrix is not None and not set_display_matrix(stream, matrix):
            self.warnings.append("the rotation is lost: this PyAV cannot write it (PyAV 18 and later can)")
        self._warn_of_lost_display(first, source)
        self._projection = source.info.projection
        # FFmpeg's muxer counts tracks from 1. PyAV may not tell it any more when the file is closed.
        self._track = stream.index + 1
        spherical = side_data(first, "SPHERICAL") is not None
        if self._projection is None or self._is_pipe or self._format not in MP4_FAMILY:
            if self._projection is not None or spherical:
                self.warnings.append(_LOST_PROJECTION)
            elif self._loses_stereo(first, tags):
                self.warnings.append(_LOST_STEREO)
            self._projection = None

    def _warn_of_lost_display(self, first: av.VideoFrame, source: Source) -> None:
        """Warns of display properties that the container does not keep; raises EncodeError in strict runs."""
        # Formats that hold frames only never cause an error.
        lost = self._notices.tell if self._format in VIDEO_ONLY else self._notices.warn
        name = shown_format(self._format)
        shape, codec = source.info.sample_aspect_ratio, self.encoder.stream.codec_context.codec.canonical_name
        if is_turned(first) and not keeps_rotation(self._format, codec):
            lost(f"the rotation is lost: {name} does not store it, so players show the video on its side")
        if shape is not None and shape != 1 and not keeps_pixel_shape(self._format, codec):
            lost(
                f"the pixel aspect ratio ({shape.numerator}:{shape.denominator}) is lost: {codec} does not store "
                f"it, and PyAV cannot write it to {name}, so players show square pixels (an .mp4 or .mov keeps it)"
            )
        if has_profile(first) and (text := lost_profile(name, codec)) is not None:
            lost(text)
        if source.chapters and not keeps_chapters(self._format):
            lost(f"chapters are lost: {name} does not store them")

    def _loses_stereo(self, first: av.VideoFrame, tags: dict[str, str]) -> bool:
        """Returns whether a frame belongs to a 3D video and neither the encoder nor the container marks it as such."""
        layout = side_data(first, "STEREO3D")
        if layout is None or not any(layout[:4]):
            return False
        in_tags = "stereo_mode" in tags and self._format in ("matroska", "webm")
        return self.encoder.codec != "libx264" and not in_tags

    def _retimed(self, tags: dict[str, str]) -> dict[str, str]:
        """Returns tags with the timecode of the first output frame."""
        moved, warning = retimed(tags, *self._rates)
        if warning is not None and warning not in self.warnings:
            self.warnings.append(warning)
        return moved

    def _warn_of_lost_tags(self, name: str, tags: dict[str, str]) -> None:
        key, value = KEYS_OPTION
        flags = (settings.get(key, "") for settings in (self.container.options, self.container.container_options))
        options = {key: value} if any(value in flag for flag in flags) else {}
        tags = {k: v for k, v in self.encoder.stream.metadata.items() if k.lower() == KEY} | tags
        lost = lost_tags(tags, kept_tags(name, tags, options, self._rates[1]))
        if lost:
            self.warnings.append(f"tags are lost, since {shown_format(name)} does not store them: {', '.join(lost)}")

    def _add_chapters(self, source: Source, slower: Fraction) -> None:
        chapters = [dict(chapter) for chapter in source.chapters]
        for chapter in chapters:
            chapter["start"] = slowed(chapter["start"], slower)
            chapter["end"] = slowed(chapter["end"], slower)
        self.container.set_chapters(chapters)

    def write(self, frame: av.VideoFrame, pts: int, duration: int, captions: bytes = b"") -> None:
        """Encodes a frame at `pts` with `duration`, both in ticks of the time base."""
        packets = self.encoder.encode(frame, pts, duration, captions)
        self.written.add(pts, duration)
        self._mux(packets)

    def put_encoded(self, packet: av.Packet) -> None:
        """Writes a packet of a `VideoEncoder` with the same settings, possibly of another process."""
        packet.stream = self.encoder.stream
        packet.time_base = self.encoder.time_base
        pts, duration = (rescale(t, packet.time_base, self.time_base) for t in (packet.pts, packet.duration))
        self.written.add(pts, duration)
        self._mux([packet])

    @property
    def fates(self) -> list[StreamFate]:
        """What happens to each other stream of the source."""
        return self._passthrough.fates

    def _mux(self, packets: Sequence[av.Packet]) -> None:
        for packet in packets:
            if self._first_dts is None:
                self._first_dts = packet.dts
            if self._last is not None:
                self._put(self._last)
            self._last = packet

    def _put_last(self) -> None:
        """Writes the last packet, with a duration that gives the track its exact length.

        MP4 stores the length of a track twice, up to the end of the frame shown last and as the sum of durations in
        decoding order, and FFmpeg reads the shorter. If frames are reordered and have uneven gaps, the duration of the
        frame that is decoded last would give a wrong sum.
        """
        packet, self._last = self._last, None
        if packet is None:
            return
        if packet.dts is not None and self._first_dts is not None and self.written.first_pts is not None:
            rest = self.written.end_pts - self.written.first_pts - (packet.dts - self._first_dts)
            if self.container.format.name in MP4_FAMILY and rest > 0:
                shown_last = packet.pts == self.written.last_pts
                packet.duration = max(rest, packet.duration or 0) if shown_last else rest
        self._put(packet)

    def _put(self, packet: av.Packet) -> None:
        try:
            self.container.mux_one(packet)
        except av.error.FFmpegError as error:
            raise self._cannot_write(error) from error

    def _cannot_write(self, error: av.error.FFmpegError, what: str = "cannot be written") -> OutputError:
        if self._is_pipe and is_gone(error):
            return OutputError("the reader of the output has closed it (broken pipe)", path=self.name)
        return cannot_write(error, self.name, what)

    def _put_copied(self, packet: av.Packet) -> bool:
        """Writes a packet of another stream; returns False if the container rejects it as damaged."""
        try:
            self._put(packet)
        except OutputError as error:
            if not isinstance(error.__cause__, _DAMAGED):
                raise
            return False
        return True

    def copy(self, packet: av.Packet) -> None:
        """Writes a packet of another stream, copied, converted or re-encoded; nothing if the stream is dropped."""
        self._passthrough.take(packet)

    def finish(self) -> Written:
        """Flushes the encoder, closes the file and returns what it must contain."""
        self._mux(self.encoder.flush())
        return self.complete()

    def complete(self) -> Written:
        """Writes delayed packets and closes the file; the encoder must have been flushed."""
        self._put_last()
        self._passthrough.finish(self.written.end_pts * self.time_base)
        self.warnings += self._passthrough.damage
        self.close()
        if self._path is not None:
            with writing(self.name):
                self._add_what_ffmpeg_cannot(self._path)
        return self.written

    def _add_what_ffmpeg_cannot(self, path: Path) -> None:
        if self._format == "apng":
            set_last_delay(path, (self.written.end_pts - self.written.last_pts) * self.time_base)
        if self._format == "webp":
            set_length(path, (self.written.end_pts - (self.written.first_pts or 0)) * self.time_base)
        if self._projection is not None and not add_projection(path, self._track, self._projection):
            self.warnings.append(_LOST_PROJECTION)

    def close(self) -> None:
        try:
            self.container.close()
        except av.error.FFmpegError as error:
            raise self._cannot_write(error, "cannot be completed") from error

    def __enter__(self) -> FileSink:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.close()
        else:
            self.abandon()

    def abandon(self) -> None:
        """Closes the file as it is and ignores errors: after another error, or after a trial."""
        try:
            self.container.close()
        except (av.error.FFmpegError, OSError):
            return


_LOST_PROJECTION = (
    "the 360 degree or 3D metadata is lost, so players show the video flat (from an .mp4 or .mov file to another it is "
    "kept, unless the output is fragmented)"
)
_LOST_STEREO = "the 3D metadata is lost, so players show both views in one picture (--codec libx264 keeps it)"
_DAMAGED = (av.error.InvalidDataError, av.error.PatchWelcomeError)
"""Errors of muxers for packets with an invalid header."""
_STALE_TAGS = frozenset(
    {"alpha_mode", "encoder", "duration", "bps", "number_of_frames", "number_of_bytes", "duration-eng"}
)
"""Stream tags that describe the source's encoding, not its content."""
