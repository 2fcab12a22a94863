"""Conversion of text subtitles from the codec of one container to that of another.

MP4's codec shows one sample at a time, so subtitles that overlap are joined (`intervals`).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import av.error
from av.subtitles.subtitle import SubtitleSet

from frame_booster.media.passthrough.copying import slowed
from frame_booster.media.passthrough.intervals import Interval, Intervals
from frame_booster.media.passthrough.open_ended import end_of_last, length_of
from frame_booster.media.pyav.compat import encodes_subtitles
from frame_booster.media.pyav.decoding import DamagedPacketError, decoded
from frame_booster.media.pyav.rational import exact, rescale
from frame_booster.media.pyav.tag_text import readable

TEXT_CODECS = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})
_BY_FORMAT = {"mp4": "mov_text", "mov": "mov_text", "ipod": "mov_text", "webm": "webvtt", "matroska": "subrip"}
_FIELDS_BEFORE_TEXT = 8
"""Fields of an ASS event before its text, as FFmpeg decodes it: order, layer, style, name, three margins, effect."""


def convertible(format_name: str, stream: Any) -> str | None:
    """Returns the codec to which a text stream is converted for a container; None if it cannot be converted."""
    codec = _BY_FORMAT.get(format_name)
    name = getattr(stream.codec_context, "name", None)
    if codec is None or name not in TEXT_CODECS:
        return None
    return codec if encodes_subtitles(stream.codec_context) else None


class SubtitleConverter:
    """Decodes the packets of a text stream and encodes them for another container.

    Args:
      stream: stream of the source.
      target: stream of the output, with one of the text codecs.
      slower: factor by which the output is longer than the source.
    """

    def __init__(self, stream: Any, target: Any, slower: Fraction) -> None:
        self.stream, self.target, self.slower = stream, target, slower
        decoder = stream.codec_context
        decoder.open(strict=False)
        # FFmpeg's text encoders read styles from the header that its decoders generate.
        target.codec_context.subtitle_header = decoder.subtitle_header
        self._intervals = Intervals() if target.codec_context.name == "mov_text" else None
        """Set if the target codec shows one sample at a time."""
        self._video_ends = Fraction(0)
        self.damaged = 0
        """Number of events that were dropped: they could not be decoded or encoded, or came too late."""
        self._guessed = 0
        """Number of packets whose text was not UTF-8."""

    def end_with(self, video: Fraction) -> None:
        """Sets the time at which the video ends in the output, in s."""
        self._video_ends = video

    def damage(self, stream: str) -> list[str]:
        """Returns warnings about dropped events and about text that was not UTF-8."""
        guessed = f"events of {stream} that are not UTF-8 are read as Windows-1252: {self._guessed}"
        left_out = f"damaged packets of {stream} are dropped: {self.damaged}"
        return [guessed] * bool(self._guessed) + [left_out] * bool(self.damaged)

    def _decoded(self, packet: av.Packet) -> Any:
        """Returns the events of a packet, None if it has none; reads text that is not UTF-8 as Windows-1252.

        Raises:
          DamagedPacketError: the packet cannot be decoded.
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
        """Returns the packets converted so far, without MP4 text that later text may overlap; None ends the stream."""
        if packet is None:
            base = exact(self.stream.time_base) or Fraction(1)
            end_of = functools.partial(end_of_last, video_ends=self._video_ends, base=base)
            return [] if self._intervals is None else self._samples(self._intervals.rest(end_of))
        if packet.size == 0:
            return []
        try:
            events = self._decoded(packet)
            if not events:
                return []
            if self._intervals is not None:
                return self._samples(self._cut(packet, events, self._intervals))
            made = decoded(self.target.codec_context.encode_subtitle, events)
        except DamagedPacketError:
            self.damaged += 1
            return []
        begin, length = packet.pts, packet.duration or 0
        return self._placed(made, slowed(begin, self.slower), slowed(begin + length, self.slower))

    def _cut(self, packet: av.Packet, events: Any, intervals: Intervals) -> list[Interval]:
        """Adds the events of a packet and returns the intervals before their start."""
        length = length_of(packet)
        begin = slowed(packet.pts, self.slower)
        end = None if length is None else slowed(packet.pts + length, self.slower)
        if end is not None and intervals.given is not None and end <= intervals.given:
            # The packet is out of order, and the container needs packets in the order of their times.
            self.damaged += 1
            return []
        return [each for event in events if event.dialogue for each in intervals.add(begin, end, event.ass)]

    def _samples(self, intervals: list[Interval]) -> list[av.Packet]:
        """Encodes each interval, with all its texts, as one packet."""
        made = []
        for begin, end, texts in intervals:
            together = SubtitleSet.create(_joined(texts), 0, 0)
            try:
                sample = decoded(self.target.codec_context.encode_subtitle, together)
            except DamagedPacketError:
                self.damaged += len(texts)
                continue
            made += self._placed(sample, begin, end)
        return made

    def _placed(self, made: av.Packet, begin: int, end: int) -> list[av.Packet]:
        """Returns an encoded packet with its times set: `begin` and `end` are in ticks of the source."""
        source, target = exact(self.stream.time_base), exact(self.target.time_base)
        assert source is not None
        made.stream = self.target
        made.time_base = source if target is None else target
        if target is not None and target != source:
            begin, end = rescale(begin, source, target), rescale(end, source, target)
        made.pts = made.dts = begin
        made.duration = end - begin
        return [made]


def _joined(texts: Sequence[bytes]) -> bytes:
    """Joins ASS events to one, on separate lines, each with its own style (set by `{\\rStyle}`)."""
    first, *others = texts
    for other in others:
        _, _, style, _, _, _, _, _, text = other.split(b",", _FIELDS_BEFORE_TEXT)
        first += rb"\N{\r" + style + b"}" + text
    return first


def _in_utf_8(packet: av.Packet, codec: str) -> av.Packet | None:
    """Returns a packet with its text converted to UTF-8; None if it is UTF-8 already."""
    data, before, after = bytes(packet), b"", b""
    if codec == "mov_text":
        # The text follows its length of 16 bits, and style boxes follow the text (3GPP TS 26.245, 5.17).
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
