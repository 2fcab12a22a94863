"""Text subtitles from the codec of one container to that of another."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import av.error

from frame_booster.media.passthrough.copying import slowed
from frame_booster.media.pyav.compat import encodes_subtitles
from frame_booster.media.pyav.decoding import DamagedPacketError, decoded
from frame_booster.media.pyav.rational import exact, rescale
from frame_booster.media.pyav.tag_text import readable

TEXT_CODECS = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})
_BY_FORMAT = {"mp4": "mov_text", "mov": "mov_text", "ipod": "mov_text", "webm": "webvtt", "matroska": "subrip"}


def convertible(format_name: str, stream: Any) -> str | None:
    """Returns the codec that carries this text stream in a container; None if nothing does."""
    codec = _BY_FORMAT.get(format_name)
    name = getattr(stream.codec_context, "name", None)
    if codec is None or name not in TEXT_CODECS:
        return None
    return codec if encodes_subtitles(stream.codec_context) else None


class SubtitleConverter:
    """Decodes the packets of a text stream and encodes them for another container.

    Args:
      stream: of the source.
      target: stream of the output, of one of the text codecs.
      slower: how many times longer the output lasts.
    """

    def __init__(self, stream: Any, target: Any, slower: Fraction) -> None:
        self.stream, self.target, self.slower = stream, target, slower
        decoder = stream.codec_context
        decoder.open(strict=False)
        # FFmpeg's text encoders read styles from the header that its decoders make up.
        target.codec_context.subtitle_header = decoder.subtitle_header
        self.damaged = 0
        """Events that are left out, as they cannot be decoded, or encoded again."""
        self._guessed = 0
        """Events whose text was not UTF-8."""

    def damage(self, stream: str) -> list[str]:
        """Returns warnings of events that are left out, and of text that was not UTF-8."""
        guessed = f"text of {stream} that is not UTF-8 is read as Windows-1252, in so many events: {self._guessed}"
        left_out = f"damaged packets of {stream} are left out: {self.damaged}"
        return [guessed] * bool(self._guessed) + [left_out] * bool(self.damaged)

    def _decoded(self, packet: av.Packet) -> Any:
        """Returns the events of a packet, None where there are none; FFmpeg's decoders refuse text that is not UTF-8.

        Raises:
          DamagedPacketError: it cannot be decoded.
        """
        decode = self.stream.codec_context.decode2
        try:
            return decoded(decode, packet)
        except DamagedPacketError:
            mended = _in_utf_8(packet, self.stream.codec_context.name)
            if mended is None:
                raise
            events = decoded(decode, mended)
            self._guessed += 1
            return events

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        """Returns the converted packet; nothing for the end, or for an event without text."""
        if packet is None or packet.size == 0:
            return []
        try:
            events = self._decoded(packet)
            made = decoded(self.target.codec_context.encode_subtitle, events) if events else None
        except DamagedPacketError:
            self.damaged += 1
            return []
        if made is None:
            return []
        source, target = exact(packet.time_base), exact(self.target.time_base)
        assert source is not None
        made.stream = self.target
        made.time_base = source
        made.pts = slowed(packet.pts, self.slower)
        made.dts = made.pts
        made.duration = slowed(packet.pts + (packet.duration or 0), self.slower) - made.pts
        if target is not None and target != source:
            made.pts = rescale(made.pts, source, target)
            made.dts = made.pts
            made.duration = rescale(made.duration, source, target)
            made.time_base = target
        return [made]


def _in_utf_8(packet: av.Packet, codec: str) -> av.Packet | None:
    """Returns a packet with its text in UTF-8; None where it is that already."""
    data, before, after = bytes(packet), b"", b""
    if codec == "mov_text":
        # The text has its length before it, 16 bits, and boxes of style behind it (3GPP TS 26.245, 5.17).
        end = 2 + int.from_bytes(data[:2], "big")
        data, after = data[2:end], data[end:]
    text = readable(data).encode()
    if text == data:
        return None
    if codec == "mov_text":
        before = len(text).to_bytes(2, "big")
    made = av.Packet(before + text + after)
    made.pts, made.dts, made.duration, made.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    return made
