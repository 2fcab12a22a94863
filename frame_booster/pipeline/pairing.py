"""Pairs of consecutive frames: which are made, which are held, and in what batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
import numpy as np

from frame_booster.engine.batches import Request
from frame_booster.media.planes import frame_of, planes_of
from frame_booster.media.scene import Thumbnail, similarity, thumbnail
from frame_booster.media.source import SourceFrame
from frame_booster.pipeline.plan import Slot, last_duration, last_slots, pair_slots
from frame_booster.pixels import PixelLayout, Planes


class Maker(Protocol):
    """What makes frames: `engine.batches.BatchInterpolator`, or a stand-in in tests."""

    batch_size: int

    def make(self, frames: list[Planes], requests: list[Request]) -> list[Planes]: ...


@dataclass
class Counts:
    """What became of the frames."""

    source: int = 0
    made: int = 0
    held: int = 0
    """Frames repeated: across cuts, in still stretches and after the last frame."""
    cuts: int = 0
    gaps: int = 0
    """Pairs too far apart in time."""
    still: int = 0
    """Pairs of equal frames, which the network need not see."""


@dataclass(frozen=True)
class Shown:
    """A frame of the output and its slot."""

    frame: av.VideoFrame
    slot: Slot


@dataclass(frozen=True)
class _Seen:
    source: SourceFrame
    planes: Planes
    thumbnail: Thumbnail


class Pairing:
    """Takes source frames one by one, gives the output's frames in order.

    Args:
      maker: makes frames.
      layout: of all frames.
      factor: frames out for each frame in.
      scene_threshold: similarity below which a pair is a cut; 0 is off.
      max_gap: ticks of the source between two frames above which the first is held; None is no limit.
    """

    def __init__(
        self, maker: Maker, layout: PixelLayout, factor: int, scene_threshold: float, max_gap: int | None = None
    ) -> None:
        self.maker, self.layout, self.factor, self.scene_threshold = maker, layout, factor, scene_threshold
        self.max_gap = max_gap
        self.counts = Counts()
        self._previous: _Seen | None = None
        self._gap = 0
        self._run: list[tuple[_Seen, _Seen]] = []

    def add(self, source: SourceFrame) -> Iterator[Shown]:
        """Takes the next source frame; yields what can be shown by now."""
        planes = planes_of(source.frame, self.layout)
        seen = _Seen(source, planes, thumbnail(planes, self.layout))
        self.counts.source += 1
        previous, self._previous = self._previous, seen
        if previous is None:
            return
        self._gap = source.pts - previous.source.pts
        if self._is_held(previous, seen):
            yield from self._flush()
            yield from self._hold(previous, pair_slots(previous.source.pts, source.pts, self.factor))
            return
        self._run.append((previous, seen))
        if len(self._run) >= self.maker.batch_size:
            yield from self._flush()

    def finish(self, rate: Fraction | None, time_base: Fraction) -> Iterator[Shown]:
        """Yields what is left, the last frame held for its own duration.

        Args:
          rate, time_base: of the source, as `plan.last_duration` takes them.
        """
        yield from self._flush()
        last = self._previous
        if last is not None:
            duration = last_duration(last.source.duration, self._gap, rate, time_base)
            yield from self._hold(last, last_slots(last.source.pts, duration, self.factor))

    def _is_held(self, first: _Seen, second: _Seen) -> bool:
        if all(np.array_equal(a, b) for a, b in zip(first.planes, second.planes, strict=True)):
            self.counts.still += 1
            return True
        if self.max_gap is not None and second.source.pts - first.source.pts > self.max_gap:
            self.counts.gaps += 1
            return True
        if self.scene_threshold and similarity(first.thumbnail, second.thumbnail) < self.scene_threshold:
            self.counts.cuts += 1
            return True
        return False

    def _hold(self, seen: _Seen, slots: Iterator[Slot]) -> Iterator[Shown]:
        for slot in slots:
            yield Shown(seen.source.frame, slot)
            self.counts.held += slot.t > 0

    def _flush(self) -> Iterator[Shown]:
        """Makes the frames of a run of consecutive pairs and yields them between their source frames."""
        if not self._run:
            return
        run, self._run = self._run, []
        frames = [run[0][0].planes, *(second.planes for _, second in run)]
        slots = [list(pair_slots(a.source.pts, b.source.pts, self.factor)) for a, b in run]
        requests = [Request(k, k + 1, slot.t) for k, group in enumerate(slots) for slot in group[1:]]
        made = iter(self.maker.make(frames, requests))
        for (first, _), group in zip(run, slots, strict=True):
            yield Shown(first.source.frame, group[0])
            for slot in group[1:]:
                yield Shown(frame_of(next(made), first.source.frame, self.layout), slot)
                self.counts.made += 1
