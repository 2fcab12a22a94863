"""Decode times that a demuxer leaves out, as FFmpeg's of Matroska and NUT do of the first packets of reordered video.

A stream that is copied needs one for each packet; without its first packets it would have no key frame to begin with.
Data that has no times at all, as asynchronous KLV (MISB ST 1402), is of the moment at which it lies in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av

from frame_booster.media.input.container import is_cover
from frame_booster.media.pyav.rational import exact, rescale

_MOST = 32
"""Packets of a stream that wait for its first decode time: more than any codec reorders."""


def with_decode_times(packets: Iterator[av.Packet], decoded: int) -> Iterator[av.Packet]:
    """Yields packets with the times that are missing, of each stream in its order.

    Args:
      packets: as they are demuxed; those that wait for their time come when the first of their stream is known.
      decoded: index of the stream that is decoded, which needs none.
    """
    waiting: dict[int, list[av.Packet]] = {}
    last: dict[int, int] = {}
    for packet in packets:
        index = packet.stream.index
        if index == decoded or is_cover(packet.stream):
            yield packet
            continue
        held = waiting.get(index, [])
        if packet.dts is None and packet.pts is not None:
            if packet.stream.type != "video":
                # Nothing else is reordered.
                packet.dts = packet.pts
            elif index not in last and len(held) < _MOST:
                waiting.setdefault(index, []).append(packet)
                continue
            else:
                packet.dts = min(last.get(index, packet.pts - 1) + 1, packet.pts)
        if held:
            _count_back(held, packet)
            yield from waiting.pop(index)
        if packet.dts is not None:
            last[index] = packet.dts
        yield packet
    for held in waiting.values():
        _count_back(held, None)
        yield from held


def with_times_of_data(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """Yields packets in their order, data without a time with that of the audio or video before it in the file."""
    early: list[av.Packet] = []
    newest: tuple[int, Fraction] | None = None
    for packet in packets:
        kind, base = packet.stream.type, exact(packet.time_base)
        if kind in ("audio", "video") and packet.dts is not None and base is not None and not is_cover(packet.stream):
            newest = packet.dts, base
            yield from (_timed(other, newest) for other in early)
            early.clear()
        elif kind == "data" and packet.size and packet.dts is None and packet.pts is None:
            if newest is None:
                early.append(packet)
                continue
            _timed(packet, newest)
        yield packet


def _timed(packet: av.Packet, newest: tuple[int, Fraction]) -> av.Packet:
    """Gives a packet a time, in ticks of another's time base."""
    packet.pts = packet.dts = rescale(newest[0], newest[1], exact(packet.time_base) or newest[1])
    return packet


def _count_back(held: list[av.Packet], following: av.Packet | None) -> None:
    """Gives packets decode times up to that of the one that follows, or up to the end of their stream."""
    if following is None or following.dts is None:
        # In the order in which they are shown, early enough for the one that is decoded first.
        shown = sorted(packet.pts for packet in held)
        delay = max(time - packet.pts for time, packet in zip(shown, held, strict=True))
        for time, packet in zip(shown, held, strict=True):
            packet.dts = time - delay
        return
    step = max(following.duration or held[-1].duration or 1, 1)
    before = following.dts
    for packet in reversed(held):
        before = packet.dts = min(before - step, packet.pts)
