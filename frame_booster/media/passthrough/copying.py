"""Remuxing of a stream: its packets go into the output without being decoded."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from frame_booster.media.passthrough.capabilities import MP4_FAMILY
from frame_booster.media.passthrough.open_ended import end_of_last, length_of
from frame_booster.media.pyav.rational import exact, rescale


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
        self._needs_lengths = stream.type == "subtitle" and stream.container.format.name in MP4_FAMILY
        self._held: av.Packet | None = None
        """A subtitle that is shown until another comes."""
        self._video_ends = Fraction(0)

    def end_with(self, video: Fraction) -> None:
        """Is told when the video ends in the output, s."""
        self._video_ends = video / self.slower

    damaged = 0
    """What is copied is not looked into."""

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        """Returns packets for the output's stream; nothing for one whose length is not known yet."""
        found = []
        if self._held is not None:
            begin, base = self._held.dts, exact(self._held.time_base) or Fraction(1)
            end = end_of_last(begin, self._video_ends, base) if packet is None else packet.dts
            self._held.duration = max(end - begin, 1)
            found.append(self._placed(self._held))
            self._held = None
        if packet is None:
            return found
        if self.stream.type == "data" and not packet.duration:
            # A last packet of no duration would lie behind the end of an MP4's track.
            packet.duration = max(packet.dts - (packet.dts if self._last_dts is None else self._last_dts), 1)
        self._last_dts = packet.dts
        if self._needs_lengths and length_of(packet) is None:
            self._held = packet
            return found
        return [*found, self._placed(packet)]

    def _placed(self, packet: av.Packet) -> av.Packet:
        """Returns a packet for the output's stream, at its time there."""
        packet.stream = self.stream
        if self.slower != 1:
            begin = packet.dts if packet.pts is None else packet.pts
            end = slowed(begin + (packet.duration or 0), self.slower)
            packet.pts = None if packet.pts is None else slowed(packet.pts, self.slower)
            packet.dts = slowed(packet.dts, self.slower)
            packet.duration = end - slowed(begin, self.slower)
        return packet

    def damage(self, stream: str) -> list[str]:
        """Returns nothing."""
        return []
