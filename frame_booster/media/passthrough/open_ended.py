"""Subtitles whose packets do not say how long they last, or say that it is for ever.

Those of DVDs and closed captions are shown until another takes their place. MP4 adds up the lengths of all samples, so
that its muxer refuses what has none, or lasts for weeks.
"""

from __future__ import annotations

from fractions import Fraction

import av

from frame_booster.media.pyav.rational import exact, rescale

_FOR_EVER = Fraction(24 * 3600)
"""Nothing is meant to be shown for so long, s; FFmpeg writes 2^32 ms for a subtitle of a DVD without an end."""
_LASTS = Fraction(5)
"""For how long, s, the last subtitle is shown at most."""


def length_of(packet: av.Packet) -> int | None:
    """Returns for how many ticks a packet is shown; None where that is until another comes."""
    base = exact(packet.time_base) or Fraction(1)
    duration: int = packet.duration or 0
    return duration if 0 < duration * base < _FOR_EVER else None


def end_of_last(begin: int, video_ends: Fraction, base: Fraction) -> int:
    """Returns when a subtitle that begins at a time, ticks of `base` s, ends where nothing says so: with the video."""
    return max(begin + 1, min(begin + rescale(1, _LASTS, base), rescale(1, video_ends, base)))
