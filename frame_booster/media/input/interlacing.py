"""What becomes of interlaced frames: taken as they are where they are progressive in truth, else deinterlaced.

That a stream is flagged as interlaced says little: film on a DVD, and progressive segmented frames (PsF), are flagged
so though both fields of each frame show one moment. So the first flagged frames are held back and looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av

from frame_booster.errors import DecodeError
from frame_booster.media.frames.combing import Combing
from frame_booster.media.frames.filters import AsProgressive, Deinterlacer
from frame_booster.media.frames.planes import brought_to
from frame_booster.media.input.source import SourceReport

PROGRESSIVE = "progressive"
_LOOKED_AT = 48
"""Frames that are looked at before it is decided what becomes of all."""
_HELD_BYTES = 64 << 20
"""Frames of so much are held back meanwhile, but no fewer than `_LEAST`."""
_LEAST = 8
_COMBED = Fraction(1, 10)
"""Share of combed frames, among those in which something moves, up to which a flagged stream is progressive in truth.

In interlaced video idet finds most frames combed, in 3:2 pulldown two of five, in progressive video none.
"""
_CLEARLY_COMBED = Fraction(1, 3)
"""Share of all frames from which frames that are not flagged, or were progressive so far, are warned of."""
_WATCHED = 24
_PAUSE = 240
"""Frames that are not looked at, after `_WATCHED` that are: looking at all would cost as much as decoding."""


class Decoded(NamedTuple):
    """A frame as the decoder gives it, in one component a plane."""

    frame: av.VideoFrame
    pts: int
    """Ticks of the source's time base."""
    duration: int
    captions: bytes
    interlaced: bool
    """Whether it is flagged so."""


class Interlacing:
    """Makes whole frames of interlaced ones, a frame for each, at its time.

    Args:
      path: of the input, for messages.
      report: told of what is done.
      time_base: of the frames' timestamps.
      mode: "auto" deinterlaces flagged frames, if the stream is not progressive in truth, "on" all frames, "off" none.
      strict: whether it is an error, in "auto", that frames are interlaced or combed.
    """

    def __init__(self, path: Path, report: SourceReport, time_base: Fraction, mode: str, *, strict: bool) -> None:
        self.path, self.report, self.time_base, self.mode, self.strict = path, report, time_base, mode, strict
        self.treatment: str | None = None
        """`PROGRESSIVE`, or the order of the fields to deinterlace by, "tff", "bff" or "auto"; None before it is known.

        It is one for the whole input, so that a reading that is taken up in the middle gives the same frames.
        """
        self._held: list[Decoded] = []
        self._before: Decoded | None = None
        self._under_way: deque[Decoded | None] = deque()
        self._deinterlacer: Deinterlacer | None = None
        self._like: av.VideoFrame | None = None
        self._as_progressive: AsProgressive | None = None
        self._watch = _Watch()

    def push(self, item: Decoded) -> Iterator[Decoded]:
        """Takes a frame and yields what is ready, in order.

        Raises:
          DecodeError: it is interlaced, and the reading is strict.
        """
        if self._like is not None and _shape(item.frame) != _shape(self._like):
            # Filters are made for one format.
            yield from self._end()
        self._like = self._like or item.frame
        if self._waits(item):
            self._held.append(item)
            if len(self._held) >= _most_held(item.frame):
                yield from self._decide()
            return
        yield from self._treated(item)

    def flush(self) -> Iterator[Decoded]:
        """Yields what is left at the end."""
        yield from self._end()

    def _waits(self, item: Decoded) -> bool:
        if self.treatment is not None or self.mode == "off":
            return False
        return bool(self._held) or item.interlaced or self.mode == "on"

    def _decide(self) -> Iterator[Decoded]:
        held, self._held = self._held, []
        seen = Combing(held[0].frame)
        for item in [*([] if self._before is None else [self._before]), *held]:
            seen.add(item.frame)
        seen.add(None)
        moving = seen.progressive + seen.combed
        if self.mode == "auto" and moving and seen.combed <= _COMBED * moving:
            self.treatment = PROGRESSIVE
        else:
            self.treatment = seen.order if seen.combed >= _LEAST else "auto"
            if self.mode == "auto":
                self._tell(seen)
        for item in held:
            yield from self._treated(item)

    def _tell(self, seen: Combing) -> None:
        text = "the video is interlaced: each frame is deinterlaced to one progressive frame (bwdif)"
        if seen.pulldown and seen.progressive:
            text = f"{text}; it looks like film with 3:2 pulldown, which --ivtc reverses"
        self._warn(text)

    def _warn(self, text: str) -> None:
        if self.strict:
            raise DecodeError(text, path=self.path, hint="remove --strict, or use --deinterlace on")
        self.report.warn(text)

    def _treated(self, item: Decoded) -> Iterator[Decoded]:
        before, self._before = self._before, item
        if self.treatment in (None, PROGRESSIVE) or self.mode == "off":
            if self.mode == "auto":
                self._watch_for_combing(item)
            yield self._unflagged(item) if item.interlaced else item
            return
        if self._deinterlacer is None:
            self._deinterlacer = Deinterlacer(item.frame, self.time_base, self.treatment or "auto")
            if before is not None and _shape(before.frame) == _shape(item.frame):
                # The first frame has a neighbour, too, as it has wherever else reading begins.
                self._under_way.append(None)
                yield from self._deinterlaced(before.frame)
        self._under_way.append(item)
        yield from self._deinterlaced(item.frame)

    def _deinterlaced(self, frame: av.VideoFrame | None) -> Iterator[Decoded]:
        if self._deinterlacer is None:
            return
        for made in self._deinterlacer.push(frame):
            item = self._under_way.popleft()
            if item is None:
                continue
            if not item.interlaced and self.mode == "auto":
                yield item
                continue
            if made.format.name != item.frame.format.name:
                made = brought_to(made, item.frame)
            yield item._replace(frame=made)

    def _watch_for_combing(self, item: Decoded | None) -> None:
        if self._watch.sees_combing(None if item is None else item.frame):
            self._warn(
                "some frames look interlaced, but the flags or the first frames of the video say progressive: they are "
                "not deinterlaced (--deinterlace on deinterlaces all)"
            )

    def _unflagged(self, item: Decoded) -> Decoded:
        if self._as_progressive is None:
            self._as_progressive = AsProgressive(item.frame, self.time_base)
        [frame] = self._as_progressive.push(item.frame)
        return item._replace(frame=frame)

    def _end(self) -> Iterator[Decoded]:
        """Yields all that is under way, and lets go of the filters."""
        if self._held:
            yield from self._decide()
        self._watch_for_combing(None)
        yield from self._deinterlaced(None)
        self._under_way.clear()
        self._deinterlacer = self._as_progressive = self._like = self._before = None
        self._watch = _Watch()


class _Watch:
    """Looks now and then whether frames that are taken for progressive are combed."""

    def __init__(self) -> None:
        self._count = 0
        self._combing: Combing | None = None

    def sees_combing(self, frame: av.VideoFrame | None) -> bool:
        """Takes a frame, None for the end; tells whether those that were looked at last are combed."""
        if frame is not None:
            place = self._count % (_WATCHED + _PAUSE)
            self._count += 1
            if place == 0:
                self._combing = Combing(frame)
            if self._combing is None:
                return False
            self._combing.add(frame)
            if place < _WATCHED - 1:
                return False
        seen, self._combing = self._combing, None
        if seen is None or seen.order == "auto" or seen.combed < _LEAST:
            return False
        return seen.combed >= _CLEARLY_COMBED * seen.frames


def _shape(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


def _most_held(frame: av.VideoFrame) -> int:
    size = sum(plane.buffer_size for plane in frame.planes)
    return min(_LOOKED_AT, max(_LEAST, _HELD_BYTES // size))
