"""Remuxing of a stream: copies its packets into the output without decoding them."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

import av
from av.format import Flags

from frame_booster.media.passthrough.capabilities import MP4_FAMILY
from frame_booster.media.passthrough.changes import HeaderChanges
from frame_booster.media.passthrough.open_ended import end_of_last, length_of
from frame_booster.media.pyav.rational import exact, rescale

_UNNOTICED = Fraction(1, 500)
"""Delays of a packet up to this, in s, cause no warning: the ticks of containers are as coarse."""


def slowed(ticks: int, slower: Fraction) -> int:
    """Returns a time multiplied by the slow-motion factor, rounded to the nearest tick."""
    return rescale(ticks, slower, Fraction(1))


class CopiedStream:
    """A stream whose packets are copied; only their times change, in slow motion or where a container requires it.

    Args:
      stream: stream of the output.
      slower: factor by which the output is longer than the source.
      changes: detects mid-stream changes that the container cannot express.
    """

    def __init__(self, stream: Any, slower: Fraction, changes: HeaderChanges) -> None:
        self.stream, self.slower, self._changes = stream, slower, changes
        self._takes_equal = bool(stream.container.format.flags & Flags.ts_nonstrict.value)
        self._written: int | None = None
        """dts of the last packet, in ticks of the output's stream."""
        self._late, self._most_late = 0, Fraction(0)
        """Number of packets out of order that were delayed, and the longest delay in s."""
        self._last_dts: int | None = None
        in_mp4 = stream.container.format.name in MP4_FAMILY
        self._needs_lengths, self._trims = stream.type == "subtitle" and in_mp4, stream.type == "audio" and in_mp4
        self._held: av.Packet | None = None
        """A subtitle that lasts until the next one, held until its duration is known."""
        self._video_ends = Fraction(0)

    def end_with(self, video: Fraction) -> None:
        """Sets the time at which the video ends in the output, in s."""
        self._video_ends = video / self.slower

    @property
    def damaged(self) -> int:
        """Number of packets that decoders may fail to decode in this container."""
        return self._changes.count

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        """Returns packets for the output; none while the duration of a subtitle is unknown. None ends the stream."""
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
            # A last packet without a duration would lie after the end of an MP4's track.
            packet.duration = max(packet.dts - (packet.dts if self._last_dts is None else self._last_dts), 1)
        self._last_dts = packet.dts
        if self._needs_lengths and length_of(packet) is None:
            self._held = packet
            return found
        return [*found, self._placed(packet)]

    def _placed(self, packet: av.Packet) -> av.Packet:
        """Returns a packet with the stream and the times of the output."""
        packet.stream = self.stream
        if self._trims and packet.has_sidedata("skip_samples"):
            self._trim(packet)
        if self.slower != 1:
            begin = packet.dts if packet.pts is None else packet.pts
            end = slowed(begin + (packet.duration or 0), self.slower)
            packet.pts = None if packet.pts is None else slowed(packet.pts, self.slower)
            packet.dts = slowed(packet.dts, self.slower)
            packet.duration = end - slowed(begin, self.slower)
        self._changes.look(packet)
        return self._in_order(packet)

    def _trim(self, packet: av.Packet) -> None:
        """Subtracts the padding at the end of a packet from its duration: MP4 cannot express it in another way.

        Matroska stores this padding (DiscardPadding) for the last packet of Opus and AAC.
        """
        _, behind = struct.unpack_from("<2I", bytes(packet.get_sidedata("skip_samples")))
        own, base, rate = exact(packet.time_base), exact(self.stream.time_base), self.stream.codec_context.sample_rate
        if not behind or own is None or base is None or not rate:
            return
        length = rescale(packet.duration or 0, own, base) - rescale(behind, Fraction(1, rate), base)
        packet.pts, packet.dts = (None if t is None else rescale(t, own, base) for t in (packet.pts, packet.dts))
        packet.duration, packet.time_base = max(length, 1), base

    def _in_order(self, packet: av.Packet) -> av.Packet:
        """Delays a packet whose dts is not after the previous one, as ffmpeg does, since muxers require that order."""
        own, base = exact(packet.time_base), exact(self.stream.time_base)
        assert own is not None
        assert base is not None
        dts = rescale(packet.dts, own, base)
        least = None if self._written is None else self._written + (not self._takes_equal)
        if least is not None and dts < least:
            moved = (least - dts) * base
            if moved > _UNNOTICED:
                self._late, self._most_late = self._late + 1, max(self._most_late, moved)
            pts = least if packet.pts is None else max(rescale(packet.pts, own, base), least)
            duration = rescale(packet.duration or 0, own, base)
            packet.pts, packet.dts, packet.duration, packet.time_base = pts, least, duration, base
            dts = least
        self._written = dts
        return packet

    def damage(self, stream: str) -> list[str]:
        """Returns warnings about delayed packets and about changes that the container cannot express."""
        warnings = self._changes.warnings(stream)
        if self._late:
            most = float(self._most_late)
            warnings.append(f"timestamps of {stream} go back: {self._late} packets are delayed by up to {most:.2f} s")
        return warnings
