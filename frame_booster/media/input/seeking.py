"""Seeking by reading, for inputs in which two places may have one time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av

from frame_booster.media.pyav.rational import exact

_HELD_BYTES = 64 << 20
"""So much of the video is kept to begin decoding at a key frame."""


def from_key_frame(packets: Iterator[av.Packet], video: int, begin: Fraction) -> Iterator[av.Packet]:
    """Leaves out packets of the video before the last key frame up to a time: seeking by reading.

    Args:
      packets: of all streams.
      video: index of the video's stream.
      begin: s, by the packets' times.
    """
    waiting: deque[av.Packet] = deque()
    held = 0
    for packet in packets:
        if packet.stream.index != video:
            yield packet
            continue
        base = exact(packet.time_base)
        if packet.is_keyframe and packet.size:
            waiting.clear()
            held = 0
        waiting.append(packet)
        held += packet.size
        stamp = packet.pts if packet.dts is None else packet.dts
        begun = not packet.size or (stamp is not None and base is not None and stamp * base >= begin)
        if begun or held > _HELD_BYTES:
            yield from waiting
            break
    yield from packets
