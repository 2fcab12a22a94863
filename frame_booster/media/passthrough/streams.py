"""Passthrough of all streams but the boosted one: remuxed packet for packet, converted where needed, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import av
import av.error

from frame_booster.errors import DecodeError, EncodeError
from frame_booster.media.input.source import Source
from frame_booster.media.passthrough.audio_encoders import default_encoder, encoder_of, find_encoder, settings_for
from frame_booster.media.passthrough.audio_encoding import AudioEncoding
from frame_booster.media.passthrough.capabilities import (
    MP4_FAMILY,
    VIDEO_ONLY,
    better_container,
    codec_name,
    container_takes,
    container_takes_encoder,
    needs_wave_header,
)
from frame_booster.media.passthrough.copying import CopiedStream
from frame_booster.media.passthrough.cover import attach_cover
from frame_booster.media.passthrough.options import PassthroughOptions
from frame_booster.media.passthrough.subtitles import SubtitleConverter, convertible
from frame_booster.media.passthrough.tags import named
from frame_booster.media.passthrough.timecode import KEY

Retime = Callable[[dict[str, str]], dict[str, str]]
"""Returns tags of the source as they are to be in the output."""


class _Route(Protocol):
    """One stream on its way."""

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        """Returns the output's packets for one of the source's; None is its end."""
        ...


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
        self.warnings: list[str] = []
        self.packets: dict[int, int] = {}
        """Packets written, by index of the output's stream."""
        self.sizes: dict[int, int] = {}
        """Bytes of them, likewise."""
        self.tags: dict[int, dict[str, str]] = {}
        """Tags of streams, likewise."""
        self._refused: dict[int, tuple[str, int]] = {}
        """What of the source, and how many packets, the container has not taken, by the output's stream."""
        self._streams = {stream.index: stream for stream in source.other_streams}
        self._routes: dict[int, _Route] = {}
        self._rewritten: set[int] = set()
        """Streams, by index, that are kept in another form than a stream's."""
        self.fates: list[StreamFate] = []
        for stream in source.other_streams:
            route = self._route(stream)
            if route is not None:
                self._routes[stream.index] = route
            self.fates.append(StreamFate(stream.index, stream.type, codec_name(stream), self._fate(stream.index)))

    def _fate(self, index: int) -> str:
        route = self._routes.get(index)
        if isinstance(route, AudioEncoding):
            return f"encoded to {route.target.codec_context.codec.canonical_name}"
        if isinstance(route, SubtitleConverter):
            return f"converted to {route.target.codec_context.name}"
        if route is not None:
            return "copied"
        return "kept" if index in self._rewritten else "left out"

    def _route(self, stream: Any) -> _Route | None:
        kind = stream.type
        if kind == "data" and is_timecode_track(stream):
            # Its packet counts frames at the old rate; FFmpeg makes a new track from the video's timecode tag.
            if self.format not in MP4_FAMILY:
                self.warnings.append(
                    f"the timecode track (stream {stream.index}) is left out: {self.format} has at most a tag for it"
                )
            else:
                self._rewritten.add(stream.index)
            return None
        if is_chapter_text(stream):
            # Chapters are written as such.
            self._rewritten.add(stream.index)
            return None
        if kind == "audio" and self.format not in VIDEO_ONLY:
            return self._audio(stream)
        if kind == "video" and self.format == "matroska" and attach_cover(self.container, stream, self._source_path):
            self._rewritten.add(stream.index)
            return None
        if self.format not in VIDEO_ONLY and container_takes(self.format, stream):
            return self._copied(stream)
        if kind == "subtitle" and (codec := convertible(self.format, stream)) is not None:
            self.warnings.append(f"subtitle stream {stream.index} is converted to {codec}")
            target = self.container.add_stream(codec)
            self._tag(target, stream)
            return SubtitleConverter(stream, target, self.options.slower)
        self._leave_out(stream)
        return None

    def _template(self, stream: Any) -> Any:
        copy = self.container.add_stream_from_template(stream)
        self._tag(copy, stream)
        return copy

    def _tag(self, target: Any, stream: Any) -> None:
        tags = self._retime(named(stream.metadata))
        target.metadata.update(tags)
        target.disposition = stream.disposition
        self.tags[target.index] = tags

    def _audio(self, stream: Any) -> _Route | None:
        options = self.options
        if options.audio == "drop":
            return None
        if options.slower != 1:
            return self._slow_audio(stream)
        asked = options.encodes_audio
        special = needs_wave_header(self.format, stream)
        takes = container_takes(self.format, stream) or (special and self._wave_headers)
        if takes and not asked:
            return self._copied(stream)
        what = _described(stream)
        why = f"{self.format} cannot hold it" + ("" if not special else " beside chapters, as it is written here")
        better = None if special else better_container(stream)
        if options.audio == "copy":
            hint = f"{better or 'no container that is known here can'}; else use --audio encode or drop"
            raise EncodeError(f"{what} cannot be copied: {why}", path=self.path, hint=hint)
        encoded = self._encoded(stream, options.audio_codec or default_encoder(self.format))
        if encoded is None and takes:
            self._warn(f"{what} is copied: it cannot be decoded, and so not encoded again")
            return self._copied(stream)
        if encoded is None:
            self._leave_out(stream)
        elif not asked:
            codec = encoded.target.codec_context.codec.canonical_name
            self._warn(f"{what} is encoded again, to {codec}: {why}" + (f" ({better})" if better else ""))
        return encoded

    def _encoded(self, stream: Any, encoder: str) -> AudioEncoding | None:
        """Returns the route of audio that is encoded again; None where it cannot be decoded.

        Raises:
          EncodeError: there is no such encoder, or the container does not take what it makes.
        """
        if stream.codec_context is None or not stream.codec_context.sample_rate:
            return None
        if find_encoder(encoder) is None:
            raise EncodeError(
                f"there is no audio encoder {encoder!r}", path=self.path, hint="as ffmpeg -encoders lists them"
            )
        settings = settings_for(stream, encoder, self.options.audio_bitrate, self.format)
        if settings is None:
            raise EncodeError(
                f"{encoder} cannot encode {_described(stream)}",
                path=self.path,
                hint="choose another with --audio-codec",
            )
        if not container_takes_encoder(self.format, encoder):
            raise EncodeError(
                f"{self.format} does not hold what {encoder} makes",
                path=self.path,
                hint="choose another with --audio-codec, or write an .mkv",
            )
        encoded = AudioEncoding(stream, self.container, settings, self.options.slower, self.path)
        before, now = (av.AudioLayout(name).nb_channels for name in (stream.codec_context.layout.name, settings.layout))
        if now < before:
            what = f"the {before} channels of {_described(stream)}"
            self._warn(f"{what} are mixed down to {settings.layout}: {encoder} has no more")
        self._tag(encoded.target, stream)
        return encoded

    def _copied(self, stream: Any) -> _Route:
        return CopiedStream(self._template(stream), self.options.slower)

    def _warn(self, text: str) -> None:
        """Warns of what becomes of a stream; raises EncodeError where the reading is strict."""
        if self.options.strict and not self.options.allow_drop:
            raise EncodeError(text, path=self.path, hint="without --strict it goes on with this as a warning")
        self.warnings.append(text)

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
        own = None if stream.codec_context is None else encoder_of(stream)
        stretched = None if own is None else self._encoded(stream, self.options.audio_codec or self._fitting(own))
        if stretched is None:
            self._leave_out(stream, "it cannot be decoded")
        return stretched

    def _fitting(self, encoder: str) -> str:
        """Returns an encoder whose codec the container holds: the one given, or the container's default."""
        return encoder if container_takes_encoder(self.format, encoder) else default_encoder(self.format)

    def _leave_out(self, stream: Any, why: str | None = None) -> None:
        """Warns of a stream that is left out; raises EncodeError where that is not wanted."""
        what, better = _described(stream), better_container(stream)
        text = f"{what} is left out: {why or f'{self.format} cannot hold it'}"
        advice = f" ({better})" if why is None and better is not None else ""
        if self.format in VIDEO_ONLY or codec_name(stream) == "dvd_nav_packet":
            # Formats of pictures alone; and the menus of a disc, of no meaning outside it.
            self.warnings.append(text)
        elif self.options.strict and not self.options.allow_drop:
            raise EncodeError(
                f"{self.format} cannot hold {what}" if why is None else text,
                path=self.path,
                hint=f"{better or 'no container that is known here can'}; --allow-drop leaves it out",
            )
        else:
            self.warnings.append(text + advice)

    def take(self, packet: av.Packet) -> None:
        """Writes what becomes of a packet; nothing if its stream is left out."""
        stream = packet.stream
        route = self._routes.get(stream.index)
        if route is not None:
            self._write(route.take(packet), stream)

    def finish(self) -> None:
        """Writes what was held back."""
        for index, route in self._routes.items():
            self._write(route.take(None), self._streams[index])
        for index, (what, count) in self._refused.items():
            if count > self.packets.get(index, 0):
                # That is no damage: it would be sound or text that is lost, with a warning.
                raise EncodeError(
                    f"{self.format} refuses {count} packets of {what}, which are most of it",
                    path=self._source_path,
                    hint="--audio encode, or another container such as .mkv",
                )

    @property
    def damage(self) -> list[str]:
        """What there is to warn of when all is written: packets that the container has not taken."""
        return [
            f"damaged packets of {what} are left out, since {self.format} refuses them: {count}"
            for what, count in self._refused.values()
        ]

    def _write(self, packets: list[av.Packet], stream: Any) -> None:
        """Writes packets that a stream of the source has become."""
        for packet in packets:
            index, size = packet.stream.index, packet.size
            if self._put(packet):
                self.sizes[index] = self.sizes.get(index, 0) + size
                self.packets[index] = self.packets.get(index, 0) + 1
                continue
            what = _described(stream)
            self._refused[index] = what, self._refused.get(index, (what, 0))[1] + 1
            if self.options.strict:
                hint = "without --strict it is left out, with a warning"
                raise DecodeError(f"a packet of {what} is damaged", path=self._source_path, hint=hint)


def _described(stream: Any) -> str:
    name = codec_name(stream) or "of a kind FFmpeg does not know"
    return f"{stream.type} stream {stream.index} ({name})"
