"""Text subtitles from the codec of one container to that of another."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import av.error

from frame_booster.media.passthrough.copying import slowed
from frame_booster.media.pyav.compat import encodes_subtitles
from frame_booster.media.pyav.rational import exact, rescale

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

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        """Returns the converted packet; nothing for the end, or for an event without text."""
        if packet is None or packet.size == 0:
            return []
        decoder, encoder = self.stream.codec_context, self.target.codec_context
        events = decoder.decode2(packet)
        if not events:
            return []
        made = encoder.encode_subtitle(events)
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
