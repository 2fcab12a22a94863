"""Passthrough of all streams but the boosted one: each is copied, re-encoded, converted, dropped or refused."""

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
"""Function from tags of the source to tags of the output."""


@dataclass(frozen=True)
class StreamFate:
    """Report of what happens to a stream of the source that is not boosted."""

    index: int
    type: str
    codec: str | None
    """FFmpeg's name of the codec; None if unknown."""
    becomes: str
    """For example `copied`, `encoded to aac` or `left out`."""


def is_timecode_track(stream: Any) -> bool:
    """Returns whether a stream is the timecode track of a MOV or MP4."""
    return bool(stream.type == "data" and KEY in stream.metadata)


def is_chapter_text(stream: Any) -> bool:
    """Returns whether a stream is the chapter track of an MP4 or MOV, which FFmpeg also reports as chapters."""
    # FFmpeg's demuxer reports no other track as such data, and returns no packets of it.
    return bool(
        stream.type == "data"
        and codec_name(stream) == "bin_data"
        and "mov" in stream.container.format.name.split(",")
        and stream.container.chapters()
    )


def wants_wave_headers(format_name: str, source: Source, options: PassthroughOptions) -> bool:
    """Returns whether to open the output for audio with a WAVE header (`needs_wave_header`), then without chapters."""
    copies = options.audio != "drop" and not options.encodes_audio and options.slower == 1
    if not copies or source.chapters:
        return False
    return any(needs_wave_header(format_name, stream) for stream in source.other_streams)


class Passthrough:
    """Carries the other streams of a source into a container.

    Args:
      container: container of the output, open, before its header is written.
      format_name: FFmpeg's name of the container.
      source: source of the streams.
      path: path of the output, for messages.
      options: which streams may be dropped or changed.
      put: writes a packet, and returns whether the container has accepted it.
      retime: replaces the timecode in a stream's tags by that of the output.

    Raises:
      EncodeError: the container cannot hold a stream that may not be dropped.
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
        """Number of written packets, by index of the output's stream."""
        self.sizes: dict[int, int] = {}
        """Bytes of written packets, by index of the output's stream."""
        self.tags: dict[int, dict[str, str]] = {}
        """Tags, by index of the output's stream."""
        self.dispositions: dict[int, tuple[str, int]] = {}
        """Kind and FFmpeg's disposition flags, by index of the output's stream."""
        self._refused: dict[int, tuple[str, int]] = {}
        """Description of the source's stream and number of packets the container rejected, by the output's index."""
        self._streams = {stream.index: stream for stream in source.other_streams}
        self._routes: dict[int, Route] = {}
        self._rewritten: set[int] = set()
        """Indices of streams that are kept in another form: timecode, chapters, attached cover art."""
        self.fates: list[StreamFate] = []
        for stream in source.other_streams:
            route = self._route(stream)
            if route is not None:
                self._routes[stream.index] = route
            self.fates.append(StreamFate(stream.index, stream.type, codec_of(stream), self._fate(stream.index)))

    @property
    def warnings(self) -> list[str]:
        """The warnings so far."""
        return self._notices.warnings

    def _fate(self, index: int) -> str:
        route = self._routes.get(index)
        if isinstance(route, AudioEncoding):
            return f"encoded to {route.target.codec_context.codec.canonical_name}"
        if isinstance(route, SubtitleConverter):
            return f"converted to {route.target.codec_context.name}"
        if route is not None:
            return "copied"
        return "kept" if index in self._rewritten else "dropped"

    def _route(self, stream: Any) -> Route | None:
        kind = stream.type
        if kind == "data" and is_timecode_track(stream):
            # Its packet counts frames at the old rate; FFmpeg creates a new track from the video's timecode tag.
            if self.format not in MP4_FAMILY:
                self._notices.tell(
                    f"the timecode track (stream {stream.index}) is dropped: "
                    f"{shown_format(self.format)} can store a timecode only as a tag"
                )
            else:
                self._rewritten.add(stream.index)
            return None
        if is_chapter_text(stream):
            # Chapters are written separately.
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
        """Writes a packet of the source, copied or converted; does nothing if its stream is dropped.

        Raises:
          DecodeError: the packet is damaged, or follows a change that the container cannot express, with `strict`.
          EncodeError: the audio encoder fails.
        """
        stream = packet.stream
        route = self._routes.get(stream.index)
        if route is None:
            return
        self._write(route.take(packet), stream)
        if self.options.strict and route.damaged:
            if isinstance(route, CopiedStream):
                hint = "without --strict this is only a warning"
                raise DecodeError(route.damage(described(stream))[0], path=self._source_path, hint=hint)
            hint = "without --strict it is replaced by silence or dropped, with a warning"
            raise DecodeError(f"a packet of {described(stream)} is damaged", path=self._source_path, hint=hint)

    def finish(self, end: Fraction) -> None:
        """Writes the packets that were held back.

        Args:
          end: time at which the video ends in the output, in s.

        Raises:
          DecodeError: the container rejects a packet, with `strict`.
          EncodeError: the container has rejected most packets of a stream, or the audio encoder fails.
        """
        for index, route in self._routes.items():
            if isinstance(route, (CopiedStream, SubtitleConverter)):
                route.end_with(end)
            self._write(route.take(None), self._streams[index])
        for index, (what, count) in self._refused.items():
            if count > self.packets.get(index, 0):
                # This is not damage: a whole stream would be lost with only a warning.
                raise EncodeError(
                    f"{shown_format(self.format)} rejects {count} packets of {what}, which is most of it",
                    path=self._source_path,
                    hint="use --audio encode, or another container such as .mkv",
                )

    @property
    def damage(self) -> list[str]:
        """Warnings after the last packet, about packets that a decoder or the container has rejected."""
        refused = [
            f"damaged packets of {what} are dropped, since {shown_format(self.format)} rejects them: {count}"
            for what, count in self._refused.values()
        ]
        undecoded = [
            text for index, route in self._routes.items() for text in route.damage(described(self._streams[index]))
        ]
        return refused + undecoded

    def _write(self, packets: Iterable[av.Packet], stream: Any) -> None:
        """Writes packets made from a stream of the source."""
        for packet in packets:
            index, size = packet.stream.index, packet.size
            if self._put(packet):
                self.sizes[index] = self.sizes.get(index, 0) + size
                self.packets[index] = self.packets.get(index, 0) + 1
                continue
            what = described(stream)
            self._refused[index] = what, self._refused.get(index, (what, 0))[1] + 1
            if self.options.strict:
                hint = "without --strict it is dropped, with a warning"
                raise DecodeError(f"a packet of {what} is damaged", path=self._source_path, hint=hint)
