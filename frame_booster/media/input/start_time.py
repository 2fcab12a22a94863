"""Where the clock of a container begins, and whether that means anything."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import av

from frame_booster.media.pyav.rational import exact

_OF_A_TRANSMISSION = frozenset({"mpegts", "mpegtsraw", "mpeg", "mpegvideo", "flv", "live_flv", "ogg", "hls", "dash"})
"""Formats, by FFmpeg's names of their demuxers, whose clock runs since the sender was switched on."""
_LIVE_WITHOUT_LENGTH = frozenset({"matroska", "asf"})
"""Formats whose clock is a transmission's where their header tells no length, as it was not known yet."""


def is_fragmented(container: Any) -> bool:
    """Tells whether an input is MP4 or MOV in fragments (ISO/IEC 14496-12, 8.8), as of DASH and HLS."""
    videos = container.streams.video
    return "mov" in container.format.name.split(",") and bool(videos) and not any(s.frames for s in videos)


def meaningless_start(container: Any) -> Fraction | None:
    """Returns by how much all streams are to begin earlier, s, so that a clock that means nothing begins at 0.

    As FFmpeg's programs do, but only where the first timestamp says nothing to a player: in what is, or was cut out of,
    a transmission. An MP4 that begins late by its edit list, and a Matroska file, mean it. What begins first of audio
    and video begins at 0: teletext and SCTE-35 go by the clock of the sender, which is up to a second ahead of them.

    Args:
      container: as PyAV opens it.

    Returns:
      A whole number of ticks of every stream, so that none is moved against another; 0 where times are to stay. None
      where FFmpeg does not know when the first frame is shown, as it does not of a single one.
    """
    names = set(container.format.name.split(","))
    live = names & _LIVE_WITHOUT_LENGTH and not container.duration
    if not (names & _OF_A_TRANSMISSION or live or is_fragmented(container)):
        return Fraction(0)
    if container.start_time is None:
        return None
    # FFmpeg rounds the container's to 1 us.
    about = Fraction(container.start_time, av.time_base)
    starts = {s.index: s.start_time * base for s in container.streams if s.start_time and (base := exact(s.time_base))}
    start = min(starts.values(), key=lambda time: abs(time - about), default=about)
    if abs(start - about) > Fraction(2, av.time_base):
        start = about
    heard_or_seen = [s.index for s in container.streams if s.type in ("audio", "video") and s.start_time is not None]
    start = max(start, min((starts.get(index, Fraction(0)) for index in heard_or_seen), default=start))
    step = common_step(container)
    return int(start / step) * step


def common_step(container: Any) -> Fraction:
    """Returns the shortest time that is a whole number of ticks of every stream, s; 1 where no stream has ticks."""
    bases = [base for stream in container.streams if (base := exact(stream.time_base)) is not None]
    if not bases:
        return Fraction(1)
    return Fraction(math.lcm(*(b.numerator for b in bases)), math.gcd(*(b.denominator for b in bases)))
