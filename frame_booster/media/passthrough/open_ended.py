"""Durations of subtitles whose packets have none, or an endless one.

Subtitles of DVDs and closed captions last until the next one. MP4 adds up the durations of all samples, so its muxer
rejects a sample that has none or lasts for weeks.
"""

from __future__ import annotations

from fractions import Fraction

import av

from frame_booster.media.pyav.rational import exact, rescale

_ENDLESS_S = Fraction(24 * 3600)
"""Durations from this on, in s, mean "no end"; FFmpeg writes 2^32 ms for a DVD subtitle without an end."""
_LAST_S = Fraction(5)
"""Longest duration of the last subtitle, in s."""


def length_of(packet: av.Packet) -> int | None:
    """Returns the duration of a packet in ticks; None if it lasts until the next packet."""
    base = exact(packet.time_base) or Fraction(1)
    duration: int = packet.duration or 0
    return duration if 0 < duration * base < _ENDLESS_S else None


def end_of_last(begin: int, video_ends: Fraction, base: Fraction) -> int:
    """Returns the end of a last subtitle without a duration: after at most `_LAST_S` s, or with the video.

    Args:
      begin: start time in ticks.
      video_ends: end of the video in s.
      base: time base of `begin` and of the result.
    """
    return max(begin + 1, min(begin + rescale(1, _LAST_S, base), rescale(1, video_ends, base)))
