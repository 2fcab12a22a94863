"""Frames in the order of their times, each at a time of its own, whatever a decoder and a container make of them.

A decoder puts frames into the order in which they are shown as far as it knows how many are reordered, which some
streams do not say (H.264 without `max_num_reorder_frames`, ITU-T H.264, E.2.1); some containers have times in the order
of decoding only (AVI, Matroska from AVI); and some files have two frames of one time. FFmpeg's programs show all of
these frames, so this does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from frame_booster.errors import DecodeError
from frame_booster.media.input.source import SourceReport

REACH = 16
"""Frames that a stream may reorder: the most that H.264 and H.265 keep."""
_AHEAD_BYTES = 16 << 20
"""Packets that are looked at ahead of the decoder have no more than this in all."""
_PATIENCE = 2
"""So many times a frame is waited for in vain, before packets are no longer expected to give one each."""


@dataclass
class TimedFrame:
    """A frame as the decoder gave it, with its time and duration in ticks (0 is unknown)."""

    frame: av.VideoFrame
    pts: int
    duration: int
    index: int
    """Of its packet, in the order of the file."""


class DisplayOrder:
    """Decodes packets, and gives frames in the order of their times, no two at one time.

    It looks at the times of packets some way ahead of the decoder, so that no frame is held back without need. Two
    frames that come against the order of their times are put right by where their packets lie: where the packet of the
    earlier time lies behind, the decoder has not waited for it, and the frames change places; where it lies before, the
    times are those of decoding, and the times change places.

    Args:
      decode: gives the frames of a packet.
      reorders: whether the codec has frames that are stored in another order than they are shown in.
      time: gives the time of a frame as it comes out of the decoder, ticks.
      path: for messages.
      report: told of what was put right.
      strict: whether that is an error.
    """

    def __init__(
        self,
        decode: Callable[[av.Packet], list[av.VideoFrame]],
        *,
        reorders: bool,
        time: Callable[[av.VideoFrame], int],
        path: Path,
        report: SourceReport,
        strict: bool,
    ) -> None:
        self._decode, self._reorders, self._time = decode, reorders, time
        self.path, self.report, self.strict = path, report, strict
        self._ahead: deque[av.Packet] = deque()
        self._ahead_bytes = 0
        self._read = 0
        self._expected: dict[int, list[int]] = {}
        """Of packets that have not given a frame: where they lie in the file, by pts."""
        self._held: list[TimedFrame] = []
        """In the order of the decoder."""
        self._newest = -1
        """Where the packet of the newest frame lies, of those that are stored in the order of decoding."""
        self._vain = 0
        self._of_decoding = False
        """Whether times are known to be those of decoding."""
        self._same: list[TimedFrame] = []
        """Frames of one time, until the next is known."""
        self._last: int | None = None
        """pts of the newest frame given, as it was given."""
        self._gap = 0
        self._sorted = self._spread = self._left_out = 0
        self._told: dict[str, str] = {}

    def push(self, packet: av.Packet) -> Iterator[TimedFrame]:
        """Takes the next packet, without bytes at the end, and yields the frames that can be shown by now."""
        if not packet.size:
            while self._ahead:
                yield from self._next()
            yield from self._take(self._decode(packet))
            yield from self._drain()
            return
        if packet.pts is not None and not packet.is_discard:
            self._expected.setdefault(packet.pts, []).append(self._read)
        self._read += 1
        self._ahead.append(packet)
        self._ahead_bytes += packet.size
        while len(self._ahead) > REACH or self._ahead_bytes > _AHEAD_BYTES:
            yield from self._next()

    def _next(self) -> Iterator[TimedFrame]:
        packet = self._ahead.popleft()
        self._ahead_bytes -= packet.size
        yield from self._take(self._decode(packet))

    def _take(self, frames: list[av.VideoFrame]) -> Iterator[TimedFrame]:
        for frame in frames:
            index = self._index(frame.pts)
            self._held.append(TimedFrame(frame, self._time(frame), frame.duration or 0, index))
            yield from self._given()

    def _index(self, pts: int | None) -> int:
        """Returns where the packet of a frame lies; one without a packet of its own is taken for the newest."""
        if pts is None or pts not in self._expected:
            return max(self._newest, 0)
        places = self._expected[pts]
        index = places.pop(0)
        if not places:
            del self._expected[pts]
        self._newest = max(self._newest, index)
        return index

    def _given(self) -> Iterator[TimedFrame]:
        """Yields held frames for which no earlier one can come any more."""
        while self._held:
            earliest = min(frame.pts for frame in self._held)
            if self._waits(earliest):
                if len(self._held) <= REACH:
                    return
                self._vain += 1
            self._forget(earliest)
            yield from self._settled(self._earliest(earliest))

    def _waits(self, pts: int) -> bool:
        """Tells whether a packet that may still give a frame has an earlier time."""
        if not self._reorders or (self._vain >= _PATIENCE and not self._of_decoding):
            # Packets before the newest frame's give none.
            return any(p < pts and places[-1] > self._newest for p, places in self._expected.items())
        return any(p < pts for p in self._expected)

    def _forget(self, pts: int) -> None:
        for earlier in [p for p in self._expected if p < pts]:
            del self._expected[earlier]

    def _earliest(self, pts: int) -> TimedFrame:
        """Takes the frame to be shown first off those held, with the earliest time."""
        first = self._held[0]
        if first.pts == pts:
            return self._held.pop(0)
        place, other = next((k, frame) for k, frame in enumerate(self._held) if frame.pts == pts)
        self._sorted += 1
        self._tell("sorted", f"frames with timestamps out of order were sorted: {self._sorted}")
        if other.index > first.index:
            return self._held.pop(place)
        self._of_decoding = True
        first.pts, other.pts = other.pts, first.pts
        first.duration, other.duration = other.duration, first.duration
        return self._held.pop(0)

    def _settled(self, frame: TimedFrame) -> Iterator[TimedFrame]:
        """Takes frames in their order; yields those before, once the time after them is known."""
        if not self._same or frame.pts > self._same[0].pts:
            if self._same:
                yield from self._apart(frame.pts)
            self._same = [frame]
        elif len(self._same) < REACH:
            # One that is late has the time that is reached.
            self._same.append(frame)
        else:
            self._leave_out(1)

    def _drain(self) -> Iterator[TimedFrame]:
        """Yields what is left at the end."""
        while self._held:
            yield from self._settled(self._earliest(min(frame.pts for frame in self._held)))
        if self._same:
            own = max(frame.duration for frame in self._same)
            yield from self._apart(self._same[0].pts + max(own or self._gap, 1))

    def _apart(self, end: int) -> Iterator[TimedFrame]:
        """Yields frames of one time, spread over the time up to the next frame as far as there are ticks for them."""
        frames, self._same = self._same, []
        begin, count = frames[0].pts, len(frames)
        self._gap = end - begin
        if count > 1:
            room = min(count, end - begin)
            if room > 1:
                self._spread += room - 1
                text = (
                    f"frames with the timestamp of the one before were spread over the gap that follows: {self._spread}"
                )
                self._tell("spread", text)
            if room < count:
                self._leave_out(count - room)
            times = [begin + k * (end - begin) // room for k in range(room)]
            for frame, pts, until in zip(frames, times, [*times[1:], end], strict=False):
                frame.pts, frame.duration = pts, until - pts
            frames = frames[:room]
        yield from frames

    def _leave_out(self, count: int) -> None:
        self._left_out += count
        self._tell(
            "left out",
            f"frames were dropped, since their timestamp is taken and none near it is free: {self._left_out}",
        )

    def _tell(self, kind: str, text: str) -> None:
        if self.strict:
            raise DecodeError(text, path=self.path, hint="without --strict this is only a warning")
        self.report.warn(text, instead_of=self._told.get(kind))
        self._told[kind] = text
