"""Remuxing of a stream: its packets go into the output without being decoded."""

from __future__ import annotations

from typing import Any

import av


class CopiedStream:
    """A stream whose packets go into the output as they are, but for their times in slow motion.

    Args:
      stream: of the output.
      slower: how many times longer the output lasts.
    """

    def __init__(self, stream: Any, slower: int) -> None:
        self.stream, self.slower = stream, slower
        self._last_dts: int | None = None

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        """Returns the packet for the output's stream; nothing for the end."""
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
