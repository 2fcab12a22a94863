"""Support of encoders with coarse timestamps: they get frame numbers, which are replaced by times in the packets.

Such an encoder accepts only some frame rates, or counts time more coarsely than the output's timeline.
"""

from __future__ import annotations

from fractions import Fraction

import av

COUNTS_FRAMES = frozenset({"mpeg1video", "mpeg2video", "mpeg4", "libxvid", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2"})
"""Encoders that accept only some frame rates or count time coarsely, so that they get frame numbers as timestamps."""

_MPEG_RATES = [*(Fraction(n * 1000, 1001) for n in (24, 30, 60)), *map(Fraction, (24, 25, 30, 50, 60))]
"""Frame rates of ISO/IEC 13818-2, table 6-4; MPEG-1 has the same."""


def coded_rate(codec: str, rate: Fraction) -> Fraction:
    """Returns the frame rate for an encoder of `COUNTS_FRAMES`: the given one, or the nearest that it accepts.

    MPEG-4 has ticks of at least 1/65535 s (ISO/IEC 14496-2, 6.3.3). MPEG-2 has some rates and their multiples by small
    fractions (ISO/IEC 13818-2, 6.3.5).
    """
    if codec in ("mpeg1video", "mpeg2video"):
        parts = [Fraction(n, d) for n in range(1, 5) for d in range(1, 33)] if codec == "mpeg2video" else [Fraction(1)]
        known = {base * part for base in _MPEG_RATES for part in parts}
        return rate if rate in known else min(_MPEG_RATES, key=lambda base: abs(base - rate))
    return rate if max(rate.numerator, rate.denominator) < 1 << 16 else Fraction(max(round(rate), 1))


_REORDERED = 64
"""Number of past frames whose times are kept, since packets come in decoding order."""


class FrameNumbers:
    """Times of frames by number, for an encoder that gets frame numbers as timestamps.

    Args:
      rate: frame rate of the output, in frames per second.
      time_base: time base of the packets.
    """

    def __init__(self, rate: Fraction, time_base: Fraction) -> None:
        self._rate, self._time_base = rate, time_base
        self._times: dict[int, int] = {}
        self._next = 0

    def number(self, pts: int) -> int:
        """Returns the number of the next frame; `pts` is its time in ticks of the packets' time base."""
        number = self._next
        self._times[number] = pts
        self._next += 1
        return number

    def give_time(self, packet: av.Packet) -> None:
        """Replaces the frame numbers in a packet's pts and dts by times."""
        times = self._times
        number, decoded = packet.pts, packet.pts if packet.dts is None else packet.dts
        packet.time_base = self._time_base
        if decoded < 0:
            # Decoding starts before the first frame is shown, by the average distance of frames for each number.
            packet.dts = times[0] + decoded * max(round(1 / (self._rate * self._time_base)), 1)
        else:
            packet.dts = times[decoded]
        packet.pts = times[number]
        for old in [k for k in times if 0 < k < min(number, decoded) - _REORDERED]:
            del times[old]
