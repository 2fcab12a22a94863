"""Passthrough of all streams but the boosted one: remuxed packet for packet, converted where needed, or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from frame_booster.errors import DecodeError, EncodeError
from frame_booster.media.input.source import Source
from frame_booster.media.passthrough.audio_encoding import AudioEncoding
from frame_booster.media.passthrough.audio_routing import AudioRouting
from frame_booster.media.passthrough.capabilities import (
    MP4_FAMILY,
    VIDEO_ONLY,
    add_copy,
    codec_name,
    codec_of,
    container_takes,
    needs_wave_header,
    shown_format,
)
from frame_booster.media.passthrough.changes import HeaderChanges
from frame_booster.media.passthrough.copying import CopiedStream
from frame_booster.media.passthrough.cover import attach_cover
from frame_booster.media.passthrough.notices import Notices, described
from frame_booster.media.passthrough.options import PassthroughOptions
from frame_booster.media.passthrough.route import Route
from frame_booster.media.passthrough.subtitles import SubtitleConverter, convertible
from frame_booster.media.passthrough.tags import named
from frame_booster.media.passthrough.timecode import KEY

Retime = Callable[[dict[str, str]], dict[str, str]]
"""Returns tags of the source as they are to be in the output."""


@dataclass(frozen=True)
class StreamFate:
    """What becomes of a stream of the source that is not boosted."""

    index: int
    type: str
    codec: str | None
    """FFmpeg's name; None where it does not know it."""
    becomes: str
    """As `copied`, `encoded to aac`, `left out`."""


def is_timecode_track(stream: Any) -> bool:
    """Tells whether a data stream is the timecode track of a MOV or MP4."""
    return bool(stream.type == "data" and KEY in stream.metadata)


def is_chapter_text(stream: Any) -> bool:
    """Tells whether a data stream is the text of an MP4's or MOV's chapters, which FFmpeg gives as chapters, too."""
    # FFmpeg's demuxer makes such data of no other track, and gives none of its packets.
    return bool(
        stream.type == "data"
        and codec_name(stream) == "bin_data"
        and "mov" in stream.container.format.name.split(",")
        and stream.container.chapters()
    )


def wants_wave_headers(format_name: str, source: Source, options: PassthroughOptions) -> bool:
    """Tells whether a container is to be opened so that it takes audio of any codec, which leaves out chapters."""
    copies = options.audio != "drop" and not options.encodes_audio and options.slower == 1
    if not copies or source.chapters:
        return False
    return any(needs_wave_header(format_name, stream) for stream in source.other_streams)


class Passthrough:
    """Carries the other streams of a source into a container.

    Args:
      container: of the output, open, before its header is written.
      format_name: FFmpeg's name of it.
      source: what is boosted.
      path: of the output, for messages.
      options: what may be left out or changed.
      put: writes a packet, and tells whether the container has taken it.
      retime: gives tags of a stream the timecode of the output.

    Raises:
      EncodeError: a stream can neither be held nor left out.
    """

    def __init__(
        self,
        container: Any,
        format_name: str,
        source: Source,
        path: Path,
        options: PassthroughOptions,
        put: Callable[[av.Packet], bool],
        retime: Retime = dict,
    ) -> None:
        self.container, self.path, self.options, self._put, self._retime = container, path, options, put, retime
        self._source_path = source.path
        self.format = format_name
        self._wave_headers = container.format.name != format_name
        self._notices = Notices(format_name, path, options)
        self._audio = AudioRouting(
            container, format_name, self._wave_headers, path, options, self._notices, self._copied, self._tag
        )
        self.packets: dict[int, int] = {}
        """Packets written, by index of the output's stream."""
        self.sizes: dict[int, int] = {}
        """Bytes of them, likewise."""
        self.tags: dict[int, dict[str, str]] = {}
        """Tags of streams, likewise."""
        self.dispositions: dict[int, tuple[str, int]] = {}
        """Kind of streams and FFmpeg's flags of what they are for, likewise."""
        self._refused: dict[int, tuple[str, int]] = {}
        """What of the source, and how many packets, the container has not taken, by the output's stream."""
        self._streams = {stream.index: stream for stream in source.other_streams}
        self._routes: dict[int, Route] = {}
        self._rewritten: set[int] = set()
        """Streams, by index, that are kept in another form than a stream's."""
        self.fates: list[StreamFate] = []
        for stream in source.other_streams:
            route = self._route(stream)
            if route is not None:
                self._routes[stream.index] = route
            self.fates.append(StreamFate(stream.index, stream.type, codec_of(stream), self._fate(stream.index)))

    @property
    def warnings(self) -> list[str]:
        """What there is to warn of so far."""
        return self._notices.warnings

    def _fate(self, index: int) -> str:
        route = self._routes.get(index)
        if isinstance(route, AudioEncoding):
            return f"encoded to {route.target.codec_context.codec.canonical_name}"
        if isinstance(route, SubtitleConverter):
            return f"converted to {route.target.codec_context.name}"
        if route is not None:
            return "copied"
        return "kept" if index in self._rewritten else "left out"

    def _route(self, stream: Any) -> Route | None:
        kind = stream.type
        if kind == "data" and is_timecode_track(stream):
            # Its packet counts frames at the old rate; FFmpeg makes a new track from the video's timecode tag.
            if self.format not in MP4_FAMILY:
                self._notices.tell(
                    f"the timecode track (stream {stream.index}) is left out: "
                    f"{shown_format(self.format)} has at most a tag for it"
                )
            else:
                self._rewritten.add(stream.index)
            return None
        if is_chapter_text(stream):
            # Chapters are written as such.
            self._rewritten.add(stream.index)
            return None
        if kind == "audio" and self.format not in VIDEO_ONLY:
            return self._audio.route(stream)
        if kind == "video" and self.format == "matroska" and attach_cover(self.container, stream, self._source_path):
            self._rewritten.add(stream.index)
            return None
        if self.format not in VIDEO_ONLY and container_takes(self.format, stream, self.path):
            return self._copied(stream)
        if kind == "subtitle" and (codec := convertible(self.format, stream)) is not None:
            self._notices.tell(f"subtitle stream {stream.index} is converted to {codec}")
            target = self.container.add_stream(codec)
            self._tag(target, stream)
            return SubtitleConverter(stream, target, self.options.slower)
        self._notices.leave_out(stream)
        return None

    def _template(self, stream: Any) -> Any:
        copy = add_copy(self.container, self.format, stream)
        self._tag(copy, stream)
        return copy

    def _tag(self, target: Any, stream: Any) -> None:
        tags = self._retime(named(stream.metadata))
        target.metadata.update(tags)
        target.disposition = stream.disposition
        self.tags[target.index] = tags
        self.dispositions[target.index] = (stream.type, int(stream.disposition))

    def _copied(self, stream: Any) -> Route:
        return CopiedStream(self._template(stream), self.options.slower, HeaderChanges(stream, self.format))

    def take(self, packet: av.Packet) -> None:
        """Writes what becomes of a packet; nothing if its stream is left out."""
        stream = packet.stream
        route = self._routes.get(stream.index)
        if route is None:
            return
        self._write(route.take(packet), stream)
        if self.options.strict and route.damaged:
            if isinstance(route, CopiedStream):
                hint = "without --strict it goes on with this as a warning"
                raise DecodeError(route.damage(described(stream))[0], path=self._source_path, hint=hint)
            hint = "without --strict it is silence, or left out, with a warning"
            raise DecodeError(f"a packet of {described(stream)} is damaged", path=self._source_path, hint=hint)

    def finish(self, end: Fraction) -> None:
        """Writes what was held back; the video ends at that time of the output, s."""
        for index, route in self._routes.items():
            if isinstance(route, (CopiedStream, SubtitleConverter)):
                route.end_with(end)
            self._write(route.take(None), self._streams[index])
        for index, (what, count) in self._refused.items():
            if count > self.packets.get(index, 0):
                # That is no damage: it would be sound or text that is lost, with a warning.
                raise EncodeError(
                    f"{shown_format(self.format)} refuses {count} packets of {what}, which are most of it",
                    path=self._source_path,
                    hint="--audio encode, or another container such as .mkv",
                )

    @property
    def damage(self) -> list[str]:
        """What there is to warn of when all is written: packets that a decoder or the container has refused."""
        refused = [
            f"damaged packets of {what} are left out, since {shown_format(self.format)} refuses them: {count}"
            for what, count in self._refused.values()
        ]
        undecoded = [
            text for index, route in self._routes.items() for text in route.damage(described(self._streams[index]))
        ]
        return refused + undecoded

    def _write(self, packets: Iterable[av.Packet], stream: Any) -> None:
        """Writes packets that a stream of the source has become."""
        for packet in packets:
            index, size = packet.stream.index, packet.size
            if self._put(packet):
                self.sizes[index] = self.sizes.get(index, 0) + size
                self.packets[index] = self.packets.get(index, 0) + 1
                continue
            what = described(stream)
            self._refused[index] = what, self._refused.get(index, (what, 0))[1] + 1
            if self.options.strict:
                hint = "without --strict it is left out, with a warning"
                raise DecodeError(f"a packet of {what} is damaged", path=self._source_path, hint=hint)
