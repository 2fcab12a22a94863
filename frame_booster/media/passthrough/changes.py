"""Detects mid-stream changes of audio parameters, which containers with a single codec header cannot express.

In a transport stream every AAC frame has its own header (ADTS), so the rate or the number of channels can change, for
example between a programme and an advertisement. MP4 and Matroska have one header, and decoders fail after the change.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from frame_booster.media.passthrough.capabilities import MP4_FAMILY, codec_of, shown_format
from frame_booster.media.pyav.rational import exact

_ONE_HEADER = MP4_FAMILY | {"matroska", "webm", "flv", "ismv"}
"""Containers, by FFmpeg's muxer names, that remove the headers of AAC frames."""
_ADTS = 4
"""Bytes of an ADTS header that describe how its AAC frame is decoded (ISO/IEC 13818-7, 6.2)."""


class HeaderChanges:
    """Finds packets of a stream that its first header does not describe.

    Args:
      stream: stream of the source.
      format_name: FFmpeg's name of the output's container.
    """

    def __init__(self, stream: Any, format_name: str) -> None:
        self._format = format_name
        self._looks = stream.type == "audio" and format_name in _ONE_HEADER
        self._is_aac = self._looks and codec_of(stream) == "aac"
        self._told = bytes(getattr(stream.codec_context, "extradata", None) or b"")
        self._first: tuple[int, int] | None = None
        self._differs = False
        self._since: Fraction | None = None
        self.count = 0
        """Number of packets that decoders of the output may fail to decode."""

    def look(self, packet: av.Packet) -> None:
        """Checks a packet, whose time is that of the output."""
        if not self._looks:
            return
        header = bytes(memoryview(packet)[:_ADTS]) if self._is_aac and packet.size > _ADTS else b""
        if header[:1] == b"\xff" and header[1] & 0xF6 == 0xF0:
            # Profile, sampling rate and channels.
            told = header[2] & 0xFD, header[3] & 0xC0
            self._first = self._first or told
            self._differs = told != self._first
        elif packet.has_sidedata("new_extradata"):
            # FLV repeats its header, mostly unchanged.
            self._differs = bytes(packet.get_sidedata("new_extradata")) != self._told
        if self._differs:
            self.count += 1
            if self._since is None:
                self._since = (packet.dts if packet.pts is None else packet.pts) * (exact(packet.time_base) or 1)

    def warnings(self, stream: str) -> list[str]:
        """Returns the warnings at the end of the stream.

        Args:
          stream: description of the source's stream, for messages.
        """
        if self._since is None:
            return []
        return [
            f"{stream} changes its sample rate or channels at {float(self._since):.2f} s, which "
            f"{shown_format(self._format)} cannot store: the rest may be silent (--audio encode, or a .ts, keeps it)"
        ]
