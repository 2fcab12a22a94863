"""Writing the output: one encoded video stream and copied packets of all others."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import av.error

from frame_booster.errors import EncodeError, InputError, OutputError
from frame_booster.media.encoders import choose_codec, choose_pixel_format, encoder_options
from frame_booster.media.planes import copy_tags
from frame_booster.media.source import FileSource
from frame_booster.options import EncoderOptions

GOP_SECONDS = 10
"""Longest distance between key frames, s; x264's default at 25 fps, whatever the frame rate."""
_DEFAULT_RATE = Fraction(50)


@dataclass
class Written:
    """What went into the output, to be checked when it is closed."""

    frames: int = 0
    first_pts: int | None = None
    last_pts: int = 0
    end_pts: int = 0
    packets: dict[int, int] | None = None
    """Packets copied, by index of the output's stream."""


def container_format(path: Path) -> str:
    """Returns FFmpeg's name of the container for a path.

    Raises:
      InputError: FFmpeg knows none for its suffix.
    """
    with_null = BytesIO()
    try:
        # Opened on memory: nothing is written to disk to learn a name.
        with_null.name = path.name
        container = av.open(with_null, "w")
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            f"no container is known for the suffix {path.suffix!r}", path=path, hint="use .mp4, .mkv, .mov or .webm"
        ) from error
    name: str = container.format.name
    return name


def holds(format_name: str, stream: Any) -> bool:
    """Tells whether a container takes a stream's packets as they are, by starting one with it alone."""
    try:
        with av.open(BytesIO(), "w", format=format_name) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError, TypeError, AttributeError):
        return False
    return True


class FileSink:
    """Encodes frames and copies packets into a file; use as a context manager.

    Args:
      path: of the file, which is made or replaced; the caller renames it when all is well.
      final_name: name the file will get; its suffix chooses the container.
      source: what is boosted; its tags and other streams are carried over.
      first: its first frame, which has the colour tags.
      time_base: of the timestamps that `write` is given.
      rate: average frames a second of the output, None if unknown.
      options: of the encoder.

    Raises:
      EncodeError: the encoder or the container refuses.
    """

    def __init__(
        self,
        path: Path,
        *,
        final_name: Path,
        source: FileSource,
        first: av.VideoFrame,
        time_base: Fraction,
        rate: Fraction | None,
        options: EncoderOptions,
    ) -> None:
        self.path, self.time_base = path, time_base
        self.warnings: list[str] = []
        self.written = Written(packets={})
        self._durations: dict[int, int] = {}
        self._first_dts: int | None = None
        self._last: av.Packet | None = None
        format_name = container_format(final_name)
        codec = choose_codec(options, final_name.suffix)
        self.pix_fmt = choose_pixel_format(codec, first.format.name, options.pix_fmt)
        try:
            self.container = av.open(str(path), "w", format=format_name)
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror}", path=path) from error
        try:
            self._add_video(codec, first, source, rate or _DEFAULT_RATE, options)
            self._others = self._add_others(source, format_name)
            self.container.metadata.update(source.container.metadata)
            if source.whole:
                self.container.set_chapters(source.container.chapters())
            self._open()
        except BaseException:
            self.container.close()
            raise

    def _add_video(
        self, codec: str, first: av.VideoFrame, source: FileSource, rate: Fraction, options: EncoderOptions
    ) -> None:
        try:
            stream = self.container.add_stream(codec, rate=rate, options=encoder_options(codec, options))
        except (av.error.FFmpegError, ValueError) as error:
            raise EncodeError(f"{codec} cannot be used here: {error}", path=self.path) from error
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = first.width, first.height, self.pix_fmt
        context.time_base = self.time_base
        context.gop_size = max(round(rate * GOP_SECONDS), 1)
        context.thread_type = "AUTO"
        stream.time_base = self.time_base
        if source.info.sample_aspect_ratio is not None:
            context.sample_aspect_ratio = source.info.sample_aspect_ratio
        tags = source.stream.codec_context
        for tag in ("color_range", "color_primaries", "color_trc", "colorspace", "chroma_sample_location"):
            if hasattr(context, tag) and hasattr(tags, tag):
                setattr(context, tag, getattr(tags, tag))
        stream.metadata.update({k: v for k, v in source.stream.metadata.items() if k.lower() not in _STALE_TAGS})
        matrix = first.side_data.get("DISPLAYMATRIX")
        if matrix is not None:
            if hasattr(stream, "set_display_matrix"):
                stream.set_display_matrix(struct.unpack("9i", bytes(matrix)))
            else:
                self.warnings.append("rotation is lost: this PyAV cannot write it, 18 and later can")
        self._video = stream

    def _add_others(self, source: FileSource, format_name: str) -> dict[int, Any]:
        others = {}
        for stream in source.other_streams:
            kind = stream.type
            if kind == "data" and "timecode" in stream.metadata and format_name in _MP4_FAMILY:
                # FFmpeg makes this track again from the video's own timecode tag.
                continue
            if not holds(format_name, stream):
                name = getattr(stream.codec_context, "name", None) or "unknown codec"
                if kind == "audio":
                    raise EncodeError(
                        f"{format_name} cannot hold audio stream {stream.index} ({name})",
                        path=self.path,
                        hint="write an .mkv, which can",
                    )
                self.warnings.append(f"{kind} stream {stream.index} ({name}) is left out: {format_name} cannot hold it")
                continue
            copy = self.container.add_stream_from_template(stream)
            copy.metadata.update(stream.metadata)
            copy.disposition = stream.disposition
            others[stream.index] = copy
        return others

    def _open(self) -> None:
        try:
            self.container.start_encoding()
        except (av.error.FFmpegError, ValueError) as error:
            raise EncodeError(f"the encoder or container refuses its settings: {error}", path=self.path) from error

    def write(self, frame: av.VideoFrame, pts: int, duration: int) -> None:
        """Encodes a frame to be shown at `pts` for `duration`, both in ticks of `time_base`."""
        if frame.format.name != self.pix_fmt:
            converted = frame.reformat(
                format=self.pix_fmt,
                src_colorspace=int(frame.colorspace) if int(frame.colorspace) != 2 else None,
                dst_colorspace=int(frame.colorspace) if int(frame.colorspace) != 2 else None,
            )
            copy_tags(frame, converted)
            frame = converted
        # The source's picture types would force the encoder's.
        frame.pict_type = 0
        frame.pts, frame.time_base = pts, self.time_base
        self._durations[pts] = duration
        self.written.frames += 1
        if self.written.first_pts is None:
            self.written.first_pts = pts
        self.written.last_pts, self.written.end_pts = pts, pts + duration
        self._mux(self._encode(frame))

    def _encode(self, frame: av.VideoFrame | None) -> Sequence[av.Packet]:
        try:
            return self._video.encode(frame)
        except av.error.FFmpegError as error:
            raise EncodeError(f"the encoder failed: {error.strerror}", path=self.path) from error

    def _mux(self, packets: Sequence[av.Packet]) -> None:
        for packet in packets:
            # Not every encoder hands durations on, and a muxer would guess the last one.
            packet.duration = self._durations.pop(packet.pts, packet.duration or 0)
            if self._first_dts is None:
                self._first_dts = packet.dts
            if self._last is not None:
                self._put(self._last)
            self._last = packet

    def _put_last(self) -> None:
        """Writes the last packet, with the duration that makes the track as long as its frames are shown.

        MP4 counts a track's length in decoding order: where frames are reordered and their gaps are uneven,
        the duration of the frame that happens to be decoded last would give a wrong sum.
        """
        packet, self._last = self._last, None
        if packet is None or packet.dts is None or self._first_dts is None or self.written.first_pts is None:
            return
        rest = self.written.end_pts - self.written.first_pts - (packet.dts - self._first_dts)
        if self.container.format.name in _MP4_FAMILY and rest > 0:
            packet.duration = rest
        self._put(packet)

    def _put(self, packet: av.Packet) -> None:
        try:
            self.container.mux_one(packet)
        except av.error.FFmpegError as error:
            raise OutputError(f"cannot be written: {error.strerror}", path=self.path) from error

    def copy(self, packet: av.Packet) -> None:
        """Writes a packet of another stream of the source as it is; nothing if the stream is left out."""
        stream = self._others.get(packet.stream.index)
        if stream is None:
            return
        packet.stream = stream
        self._put(packet)
        assert self.written.packets is not None
        self.written.packets[stream.index] = self.written.packets.get(stream.index, 0) + 1

    def finish(self) -> Written:
        """Flushes the encoder, closes the file and tells what it must hold."""
        self._mux(self._encode(None))
        self._put_last()
        self.close()
        return self.written

    def close(self) -> None:
        try:
            self.container.close()
        except av.error.FFmpegError as error:
            raise OutputError(f"cannot be completed: {error.strerror}", path=self.path) from error

    def __enter__(self) -> FileSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        try:
            self.container.close()
        except (av.error.FFmpegError, OSError):
            # The run has failed already, with an error that says more.
            return


_MP4_FAMILY = frozenset({"mp4", "mov", "ipod", "3gp", "3g2", "psp", "f4v"})
"""By FFmpeg's names of their muxers."""

_STALE_TAGS = frozenset({"encoder", "duration", "bps", "number_of_frames", "number_of_bytes", "duration-eng"})
"""Stream tags that describe the source's encoding, not its content."""
