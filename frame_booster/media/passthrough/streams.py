"""Passthrough of all streams but the boosted one: remuxed packet for packet, converted where needed, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import av
import av.error

from frame_booster.errors import EncodeError
from frame_booster.media.input.container import is_cover
from frame_booster.media.input.source import Source
from frame_booster.media.passthrough.audio_tempo import AudioTempo
from frame_booster.media.passthrough.subtitles import SubtitleConverter, convertible
from frame_booster.media.passthrough.timecode import KEY
from frame_booster.media.paths import url

MP4_FAMILY = frozenset({"mp4", "mov", "ipod", "3gp", "3g2", "psp", "f4v"})
"""By FFmpeg's names of their muxers."""
VIDEO_ONLY = frozenset({"yuv4mpegpipe", "rawvideo", "gif", "webp", "webp_anim", "apng", "image2"})
"""Formats of pictures alone: other streams are left out with a warning, not refused."""


@dataclass(frozen=True)
class PassthroughOptions:
    """What becomes of other streams."""

    allow_drop: bool = False
    slower: int = 1
    """How many times longer the output lasts."""
    slow_audio: str | None = None
    """"drop" or "stretch", in slow motion."""


Retime = Callable[[dict[str, str]], dict[str, str]]
"""Returns tags of the source as they are to be in the output."""


class _Route(Protocol):
    """One stream on its way."""

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        """Returns the output's packets for one of the source's; None is its end."""
        ...


class _Copied:
    def __init__(self, stream: Any, slower: int) -> None:
        self.stream, self.slower = stream, slower
        self._last_dts: int | None = None

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        if packet is None:
            return []
        if self.stream.type == "data" and not packet.duration:
            # A last packet of no duration would lie behind the end of an MP4's track.
            packet.duration = max(packet.dts - (packet.dts if self._last_dts is None else self._last_dts), 1)
        self._last_dts = packet.dts
        packet.stream = self.stream
        if self.slower != 1:
            packet.pts = None if packet.pts is None else packet.pts * self.slower
            packet.dts = packet.dts * self.slower
            packet.duration = (packet.duration or 0) * self.slower
        return [packet]


def is_timecode_track(stream: Any) -> bool:
    """Tells whether a data stream is the timecode track of a MOV or MP4."""
    return bool(stream.type == "data" and KEY in stream.metadata)


def container_takes(format_name: str, stream: Any) -> bool:
    """Tells whether a container takes a stream's packets as they are, by starting one with it alone."""
    if stream.type == "attachment" and format_name != "matroska":
        # WebM's muxer takes attachments and writes none.
        return False
    if is_cover(stream) and format_name not in ("mp4", "ipod"):
        # MOV's muxer takes cover art and writes none; Matroska's wants it as an attachment.
        return False
    if stream.type == "data" and format_name in MP4_FAMILY and "mov" not in stream.container.format.name.split(","):
        # It would be written, but under a tag that tells no reader what it is.
        return False
    try:
        with av.open(BytesIO(), "w", format=format_name) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError, TypeError, AttributeError):
        return False
    return True


class Passthrough:
    """Carries the other streams of a source into a container.

    Args:
      container: of the output, open, before its header is written.
      source: what is boosted.
      path: of the output, for messages.
      options: what may be left out or changed.
      put: writes a packet.
      retime: gives tags of a stream the timecode of the output.

    Raises:
      EncodeError: a stream can neither be held nor left out.
    """

    def __init__(
        self,
        container: Any,
        source: Source,
        path: Path,
        options: PassthroughOptions,
        put: Callable[[av.Packet], None],
        retime: Retime = dict,
    ) -> None:
        self.container, self.path, self.options, self._put, self._retime = container, path, options, put, retime
        self._source_path = source.path
        self.format: str = container.format.name
        self.warnings: list[str] = []
        self.packets: dict[int, int] = {}
        """Packets written, by index of the output's stream."""
        self.tags: dict[int, dict[str, str]] = {}
        """Tags of streams, likewise."""
        self._routes: dict[int, _Route] = {}
        for stream in source.other_streams:
            route = self._route(stream)
            if route is not None:
                self._routes[stream.index] = route

    def _route(self, stream: Any) -> _Route | None:
        kind = stream.type
        if kind == "data" and is_timecode_track(stream):
            # Its packet counts frames at the old rate; FFmpeg makes a new track from the video's timecode tag.
            if self.format not in MP4_FAMILY:
                self.warnings.append(
                    f"the timecode track (stream {stream.index}) is left out: {self.format} has at most a tag for it"
                )
            return None
        if kind == "audio" and self.options.slower != 1:
            return self._slow_audio(stream)
        if kind == "video" and self.format == "matroska" and self._attach_cover(stream):
            return None
        if self.format not in VIDEO_ONLY and container_takes(self.format, stream):
            return _Copied(self._template(stream), self.options.slower)
        if kind == "subtitle" and (codec := convertible(self.format, stream)) is not None:
            self.warnings.append(f"subtitle stream {stream.index} is converted to {codec}")
            target = self.container.add_stream(codec)
            self._tag(target, stream)
            return SubtitleConverter(stream, target, self.options.slower)
        self._leave_out(stream)
        return None

    def _attach_cover(self, stream: Any) -> bool:
        """Attaches a cover picture, which Matroska holds as a file; tells whether the stream was one."""
        kind = _COVERS.get(getattr(stream.codec_context, "name", ""))
        if kind is None or not is_cover(stream) or not self._source_path.is_file():
            return False
        # An attachment is part of the header, so it is read before the stream comes to it.
        with av.open(url(self._source_path)) as container:
            picture = next((bytes(p) for p in container.demux(container.streams[stream.index]) if p.size), None)
        if picture is None:
            return False
        self.container.add_attachment(f"cover.{kind}", f"image/{'jpeg' if kind == 'jpg' else kind}", picture)
        return True

    def _template(self, stream: Any) -> Any:
        copy = self.container.add_stream_from_template(stream)
        self._tag(copy, stream)
        return copy

    def _tag(self, target: Any, stream: Any) -> None:
        tags = self._retime(dict(stream.metadata))
        target.metadata.update(tags)
        target.disposition = stream.disposition
        self.tags[target.index] = tags

    def _slow_audio(self, stream: Any) -> _Route | None:
        if self.options.slow_audio is None:
            raise EncodeError(
                f"audio stream {stream.index} would not fit slow motion",
                path=self.path,
                hint="--slow-audio drop leaves it out, --slow-audio stretch slows it down at its own pitch",
            )
        if self.options.slow_audio == "drop":
            self.warnings.append(f"audio stream {stream.index} is left out of the slow motion")
            return None
        stretcher = AudioTempo(stream, self.container, self.options.slower, self.path)
        self._tag(stretcher.target, stream)
        return stretcher

    def _leave_out(self, stream: Any) -> None:
        name = getattr(stream.codec_context, "name", None) or getattr(stream, "name", None)
        what = f"{stream.type} stream {stream.index} ({name or 'of a kind FFmpeg does not know'})"
        better = _better_container(stream)
        # Dropped with a warning: data that FFmpeg cannot identify (telemetry of cameras), and data that no container
        # holds. Refusing would leave the user no way out.
        refused = stream.type != "data" or (name is not None and better is not None)
        if refused and not self.options.allow_drop and self.format not in VIDEO_ONLY:
            raise EncodeError(
                f"{self.format} cannot hold {what}",
                path=self.path,
                hint=f"{better or 'no container that is known here can'}, or --allow-drop leaves it out",
            )
        advice = f" ({better})" if stream.type == "data" and better is not None else ""
        self.warnings.append(f"{what} is left out: {self.format} cannot hold it{advice}")

    def take(self, packet: av.Packet) -> None:
        """Writes what becomes of a packet; nothing if its stream is left out."""
        route = self._routes.get(packet.stream.index)
        if route is not None:
            self._write(route.take(packet))

    def finish(self) -> None:
        """Writes what was held back."""
        for route in self._routes.values():
            self._write(route.take(None))

    def _write(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            index = packet.stream.index
            self._put(packet)
            self.packets[index] = self.packets.get(index, 0) + 1


_COVERS = {"png": "png", "mjpeg": "jpg"}


def _better_container(stream: Any) -> str | None:
    if is_cover(stream):
        return "write an .mp4 or .mkv, which can"
    for name, suffix in (("matroska", ".mkv"), ("mov", ".mov"), ("nut", ".nut"), ("mpegts", ".ts")):
        if container_takes(name, stream):
            return f"write an {suffix}, which can" if suffix == ".mkv" else f"write a {suffix}, which can"
    return None
