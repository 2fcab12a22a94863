"""Clocks that restart in mid-stream, as of transmissions that were joined: all streams go on by one clock.

`cat a.ts b.ts`, a recording that was cut, or the cells of a DVD begin to count time anew. FFmpeg's programs go on at
such a place (`-dts_delta_threshold`); so does this, with the same threshold, but with the streams in step to the tick.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from frame_booster.errors import DecodeError
from frame_booster.media.input.container import is_cover, may_restart
from frame_booster.media.input.source import SourceReport
from frame_booster.media.input.start_time import common_step
from frame_booster.media.pyav.rational import exact

LEAP = Fraction(10)
"""A clock that leaps ahead by more than this, s, has restarted: ffmpeg's `-dts_delta_threshold`."""
_BACK = Fraction(1, 10), 2
"""A clock that goes back by more than this, s and packets, has restarted, in formats of transmissions: as in ffmpeg."""
_BACK_OF_FILES = Fraction(1), 17
"""The same in other formats, whose decoding times FFmpeg may have guessed, wrong by as many frames as are reordered."""
_GATHERED = 400
"""Packets that are looked at to see what a clock's restart means for every stream."""
_BESIDE = Fraction(1, 2)
"""A packet of a subtitle that is so far behind audio and video, s, waits for what they will show."""
_LIVE = Fraction(5)
"""A stream that has had no packet for this long, s, is not waited for at a restart."""
_GOES_ON = Fraction(2)
"""A stream that goes on by the old clock for so long, s, has not restarted with another."""
_LEADING = 8
"""Packets of the video after a restart by which its first time is known: some are shown before the first of them."""


@dataclass
class _Stream:
    """What is known of one stream of audio or video."""

    base: Fraction
    offset: Fraction = Fraction(0)
    """Of the clock that it goes by at present, s."""
    last: int | None = None
    """dts of its newest packet, by the input's clock, ticks."""
    step: int = 0
    """Ticks from one packet to the next."""
    end: int = 0
    """Where what it has shown ends, by the input's clock, ticks."""

    def take(self, packet: av.Packet) -> None:
        """Takes note of a packet that goes by the present clock."""
        stamp = packet.dts if packet.pts is None else packet.pts
        if self.last is not None and packet.dts > self.last:
            self.step = packet.dts - self.last
        self.end = max(self.end, stamp + (packet.duration or self.step)) if self.last is not None else stamp
        self.last = packet.dts

    def begin(self, offset: Fraction) -> None:
        """Goes over to another clock."""
        self.offset, self.last, self.end = offset, None, 0


@dataclass
class _Restart:
    """Packets around a place where a clock seems to restart, until it is known what it means for every stream."""

    ahead: bool
    """Whether the clock leaps ahead rather than back."""
    before: dict[int, int | None]
    """Newest dts by the old clock when it began, ticks, by stream."""
    packets: list[tuple[av.Packet, bool]] = field(default_factory=list)
    """With each whether it goes by the new clock; of streams other than audio and video that is not known."""
    starts: dict[int, int] = field(default_factory=dict)
    """First time by the new clock, ticks, by stream."""
    seen: dict[int, int] = field(default_factory=dict)
    """Packets by the new clock, by stream."""
    last: dict[int, int] = field(default_factory=dict)
    """Newest dts by the new clock, ticks, by stream."""


class Clock:
    """Passes the packets of an input through, with times that go on where its clock restarts.

    Which packet goes by which clock is decided for every stream by itself, since around a restart packets of both
    clocks come in turn; but there is one offset for all streams, a whole number of ticks of each, so that none moves
    against another. It is the smallest with which no stream overlaps its own past.

    Args:
      container: opened for reading.
      path: for messages.
      report: told of every restart.
      strict: whether a restart is an error.
    """

    def __init__(self, container: Any, path: Path, report: SourceReport, *, strict: bool) -> None:
        self.path, self.report, self.strict = path, report, strict
        self._step = common_step(container)
        self._transmission = may_restart(container)
        self._streams: dict[int, _Stream] = {}
        self._video = {s.index for s in container.streams.video}
        self._offsets = [Fraction(0)]
        self._now = Fraction(0)
        """Newest time of audio or video that was passed on, s."""
        self._waiting: list[av.Packet] = []
        """Of other streams, far from where audio and video are: a restart may follow."""
        self._restart: _Restart | None = None
        self.starts: dict[int, set[int]] = {}
        """First times after restarts, as they are passed on, ticks, by stream."""
        self._restarts = 0
        self._first = ""
        self._told: str | None = None

    def joined(self, packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
        """Yields packets in their order, with times moved.

        Raises:
          DecodeError: a clock restarts, and the reading is strict.
        """
        for packet in packets:
            yield from self._take(packet)
        while self._restart is not None or self._waiting:
            yield from self._settle() if self._restart is not None else self._let_go()

    def _take(self, packet: av.Packet) -> Iterator[av.Packet]:
        if packet.dts is None or is_cover(packet.stream):
            if self._restart is not None and packet.size:
                self._restart.packets.append((packet, False))
                return
            while self._restart is not None:
                yield from self._settle()
            yield from self._let_go()
            yield packet
            return
        if self._restart is not None:
            yield from self._gather(packet, self._restart)
        elif packet.stream.type not in ("audio", "video"):
            yield from self._beside(packet)
        elif (step := self._irregular(packet)) is None:
            yield from self._let_go()
            yield self._passed(packet)
        else:
            before = {k: stream.last for k, stream in self._streams.items()}
            self._restart = _Restart(step > 0, before, [(p, False) for p in self._waiting])
            self._waiting = []
            yield from self._gather(packet, self._restart)

    def _stream(self, packet: av.Packet) -> _Stream:
        index = packet.stream.index
        if index not in self._streams:
            # One that begins after a restart goes by the newest clock.
            base = exact(packet.time_base)
            assert base is not None
            self._streams[index] = _Stream(base, self._offsets[-1])
        return self._streams[index]

    def _irregular(self, packet: av.Packet) -> Fraction | None:
        """Returns by how much a packet's time is off, s; None where it follows the one before it in its stream."""
        stream = self._stream(packet)
        return None if stream.last is None else self._off(packet.dts, stream.last, stream)

    def _off(self, dts: int, last: int, stream: _Stream) -> Fraction | None:
        step = (dts - last) * stream.base
        time, packets = _BACK if self._transmission else _BACK_OF_FILES
        if step < -max(time, packets * stream.step * stream.base) or (self._transmission and step > LEAP):
            return step
        return None

    def _passed(self, packet: av.Packet) -> av.Packet:
        stream = self._stream(packet)
        stream.take(packet)
        return self._moved(packet, stream.offset, stream.base)

    def _moved(self, packet: av.Packet, offset: Fraction, base: Fraction) -> av.Packet:
        if offset and packet.dts is not None:
            ticks = int(offset / base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = packet.dts + ticks
        if packet.dts is not None and packet.stream.type in ("audio", "video"):
            self._now = packet.dts * base
        return packet

    def _beside(self, packet: av.Packet) -> Iterator[av.Packet]:
        """Passes a packet of another stream on, or keeps it until audio and video tell whether the clock restarts."""
        base = exact(packet.time_base)
        assert base is not None
        offset = self._nearest(packet.dts * base)
        # One that follows another of its stream that waits must not overtake it.
        follows = any(other.stream.index == packet.stream.index for other in self._waiting)
        if follows or (self._streams and not -_BESIDE < packet.dts * base + offset - self._now < LEAP):
            self._waiting.append(packet)
            return
        yield self._moved(packet, offset, base)

    def _nearest(self, time: Fraction) -> Fraction:
        """Returns the offset of the two newest clocks that brings a time nearest to where audio and video are, s."""
        return min(reversed(self._offsets[-2:]), key=lambda offset: abs(time + offset - self._now))

    def _let_go(self) -> Iterator[av.Packet]:
        waiting, self._waiting = self._waiting, []
        for packet in waiting:
            base = exact(packet.time_base)
            assert base is not None
            yield self._moved(packet, self._nearest(packet.dts * base), base)

    def _gather(self, packet: av.Packet, restart: _Restart) -> Iterator[av.Packet]:
        index = packet.stream.index
        if packet.stream.type in ("audio", "video"):
            stream = self._stream(packet)
            if index in restart.last:
                if self._off(packet.dts, restart.last[index], stream) is not None:
                    # It restarts once more.
                    yield from self._settle()
                    yield from self._take(packet)
                    return
                new = True
            elif stream.last is None:
                new = self._nearer_to_new(packet.dts * stream.base, restart)
            else:
                new = self._irregular(packet) is not None
            if new:
                stamp = packet.dts if packet.pts is None else packet.pts
                restart.starts[index] = min(restart.starts.get(index, stamp), stamp)
                restart.seen[index] = restart.seen.get(index, 0) + 1
                restart.last[index] = packet.dts
            else:
                stream.take(packet)
            restart.packets.append((packet, new))
        else:
            restart.packets.append((packet, False))
        if len(restart.packets) >= _GATHERED or self._complete(restart):
            yield from self._settle()

    def _nearer_to_new(self, time: Fraction, restart: _Restart) -> bool:
        """Tells which clock a stream begins by that was not there before."""
        olds = [s.last * s.base for s in self._streams.values() if s.last is not None]
        news = [last * self._streams[k].base for k, last in restart.last.items()]
        return min((abs(time - t) for t in news), default=LEAP) < min((abs(time - t) for t in olds), default=LEAP)

    def _complete(self, restart: _Restart) -> bool:
        """Tells whether all streams that are live have gone over to the new clock, or one has not."""
        wanted = {k: _LEADING if k in self._video else 1 for k in self._live()}
        return self._goes_on(restart) or all(restart.seen.get(k, 0) >= count for k, count in wanted.items())

    def _goes_on(self, restart: _Restart) -> bool:
        """Tells whether a stream goes on by the old clock, where another has leaped ahead: that one has a gap."""
        spans = (
            (stream.last - before) * stream.base
            for k, stream in self._streams.items()
            if k not in restart.seen and stream.last is not None and (before := restart.before.get(k)) is not None
        )
        return restart.ahead and any(span > _GOES_ON for span in spans)

    def _live(self) -> list[int]:
        times = {k: s.last * s.base + s.offset for k, s in self._streams.items() if s.last is not None}
        newest = max(times.values(), default=Fraction(0))
        return [k for k, time in times.items() if time > newest - _LIVE]

    def _settle(self) -> Iterator[av.Packet]:
        """Decides what the restart means, and passes on what was gathered."""
        restart, self._restart = self._restart, None
        assert restart is not None
        if self._goes_on(restart):
            for packet, new in restart.packets:
                if packet.dts is not None and packet.stream.type not in ("audio", "video"):
                    yield from self._beside(packet)
                    continue
                stream = self._stream(packet)
                if new:
                    # What went by the old clock has been taken note of.
                    stream.take(packet)
                yield self._moved(packet, stream.offset, stream.base)
            return
        offset = max(
            self._streams[k].end * self._streams[k].base + self._streams[k].offset - start * self._streams[k].base
            for k, start in restart.starts.items()
        )
        offset = -(-offset // self._step) * self._step
        self._tell(restart, offset)
        old = {k: s.offset for k, s in self._streams.items()}
        for k, start in restart.starts.items():
            self.starts.setdefault(k, set()).add(start + int(offset / self._streams[k].base))
        self._offsets.append(offset)
        for stream in self._streams.values():
            stream.begin(offset)
        for packet, new in restart.packets:
            if new:
                yield self._passed(packet)
                continue
            base = exact(packet.time_base)
            assert base is not None
            own = old.get(packet.stream.index)
            beside = own is None and packet.dts is not None
            yield self._moved(packet, self._nearest(packet.dts * base) if beside else own or Fraction(0), base)

    def _tell(self, restart: _Restart, offset: Fraction) -> None:
        index = min(restart.starts)
        stream = self._streams[index]
        start = restart.starts[index] * stream.base
        at, now = stream.end * stream.base + stream.offset, start + stream.offset
        way = "jump" if restart.ahead else "go back"
        self._restarts += 1
        where = f"at {float(at):.2f} s the timestamps {way} to {float(now):.2f} s"
        if self.strict:
            raise DecodeError(
                where, path=self.path, hint="without --strict all streams are made continuous, with a warning"
            )
        if self._restarts == 1:
            self._first = where
        times = "" if self._restarts == 1 else f" ({self._restarts} such jumps in all)"
        text = f"{self._first}{times}: all streams are made continuous"
        self.report.warn(text, instead_of=self._told)
        self._told = text
