"""Which packets of the other streams belong to what is shown of an input, and at what times of the output.

A part of a file begins and ends in the middle of subtitles and of groups of pictures, and an MP4 cut by its edit list
still holds what lies outside: without care an output would lack the subtitle that is on, last too long, or smear.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av

from frame_booster.media.input.source import SourceReport
from frame_booster.media.pyav.rational import exact, rescale

SUBTITLES_LAST = Fraction(10)
"""A subtitle that begins earlier than this before a part, s, is not looked for."""
_PREROLL = Fraction(1, 10), 3
"""By so much, s or packets, a decoder of audio begins before what is heard: 80 ms of Opus, 2112 samples of AAC."""


def time_of(packet: av.Packet) -> Fraction:
    """Returns when a packet is shown, s by the input's clock; by its dts where it has no pts."""
    base, stamp = exact(packet.time_base), packet.dts if packet.pts is None else packet.pts
    assert base is not None
    assert stamp is not None
    return stamp * base


def end_of(packet: av.Packet) -> Fraction:
    """Returns until when a packet is shown, s, as far as it tells."""
    return time_of(packet) + (packet.duration or 0) * (exact(packet.time_base) or Fraction(0))


def skipped_by_decoders(stream: Any) -> Fraction:
    """Returns how much decoders skip at the beginning of a stream of audio, s, where it is more than they need.

    FFmpeg tells it from 8.1 on, of an MP4 whose edit list hides sound, and Matroska keeps it: what is skipped must be
    there, or as much of what is heard is skipped.
    """
    context = stream.codec_context
    if context is None:
        # Nothing here can decode it, or copy it.
        return Fraction(0)
    skipped = Fraction(getattr(context, "initial_padding", 0) or 0, context.sample_rate or 1)
    return skipped if skipped > _PREROLL[0] else Fraction(0)


@dataclass
class Window:
    """What is shown of an input, for the packets that are not decoded.

    Attributes:
      shift: by which all times are moved towards 0, s.
      begin: where it begins by the input's clock, s; None is with the input.
      end: where it ends, likewise.
      report: told of video that begins later.
    """

    shift: Fraction
    begin: Fraction | None
    end: Fraction | None
    report: SourceReport
    _begun: set[int] = field(default_factory=set)
    """Streams of video that have had a key frame."""

    def take(self, packet: av.Packet) -> bool:
        """Tells whether a packet lies within, and gives it its time in the output.

        A subtitle that lies partly within is cut.
        """
        time, kind = time_of(packet), packet.stream.type
        if self.end is not None and time >= self.end:
            return False
        if self.begin is None and self.shift > time and kind not in ("audio", "video"):
            # Ahead of all that is seen and heard, as it may be in a transmission.
            if packet.duration and end_of(packet) <= self.shift:
                return False
            _cut_before(packet, self.shift - time)
            time = time_of(packet)
        begin = self._begins(packet)
        if begin is not None and time < begin:
            if kind != "subtitle" or end_of(packet) <= begin:
                return False
            _cut_before(packet, begin - time)
        if kind == "video" and self.begin is not None and not self._decodable(packet, time):
            return False
        if kind == "subtitle" and self.end is not None and end_of(packet) > self.end:
            packet.duration = rescale(1, self.end - time_of(packet), exact(packet.time_base) or Fraction(1))
        if self.shift:
            base = exact(packet.time_base)
            assert base is not None
            ticks = rescale(1, self.shift, base)
            packet.pts = None if packet.pts is None else packet.pts - ticks
            packet.dts = packet.dts - ticks
        return True

    def _begins(self, packet: av.Packet) -> Fraction | None:
        """Returns from when on packets of a stream are wanted, s; None is from the first."""
        stream = packet.stream
        skipped = skipped_by_decoders(stream) if stream.type == "audio" else Fraction(0)
        if skipped or self.begin is not None or not packet.is_discard or stream.type == "video":
            return None if self.begin is None else self.begin - skipped
        # An edit list leaves it out. Where that is honoured, in MP4, it would do no harm; elsewhere it would be heard.
        if stream.type != "audio":
            return Fraction(0)
        # A packet of AAC at 8 kHz alone is longer than the time.
        time, packets = _PREROLL
        return -max(time, packets * (end_of(packet) - time_of(packet)))

    def _decodable(self, packet: av.Packet, time: Fraction) -> bool:
        """Tells whether a packet of a copied video comes after a key frame, without which it would smear."""
        index = packet.stream.index
        if index in self._begun:
            return True
        if not packet.is_keyframe:
            return False
        self._begun.add(index)
        late = time - (self.begin or 0)
        if late > Fraction(1, 10):
            self.report.warn(
                f"video stream {index} starts {float(late):.2f} s late, at its first key frame in the selected part"
            )
        return True


def _cut_before(packet: av.Packet, late: Fraction) -> None:
    """Takes so much, s, off the beginning of what a packet shows."""
    ticks = rescale(1, late, exact(packet.time_base) or Fraction(1))
    packet.pts = packet.dts = (packet.dts if packet.pts is None else packet.pts) + ticks
    if packet.duration:
        packet.duration = max(packet.duration - ticks, 1)
