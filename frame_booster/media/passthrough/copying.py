"""Remuxing of a stream: its packets go into the output without being decoded."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from frame_booster.media.pyav.rational import rescale


def slowed(ticks: int, slower: Fraction) -> int:
    """Returns the time of what is slowed down, to the nearest tick."""
    return rescale(ticks, slower, Fraction(1))


class CopiedStream:
    """A stream whose packets go into the output as they are, but for their times in slow motion.

    Args:
      stream: of the output.
      slower: how many times longer the output lasts.
    """

    def __init__(self, stream: Any, slower: Fraction) -> None:
        self.stream, self.slower = stream, slower
        self._last_dts: int | None = None

    damaged = 0
    """What is copied is not looked into."""

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
            begin = packet.dts if packet.pts is None else packet.pts
            end = slowed(begin + (packet.duration or 0), self.slower)
            packet.pts = None if packet.pts is None else slowed(packet.pts, self.slower)
            packet.dts = slowed(packet.dts, self.slower)
            packet.duration = end - slowed(begin, self.slower)
        return [packet]

    def damage(self, stream: str) -> list[str]:
        """Returns nothing."""
        return []
