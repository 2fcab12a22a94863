"""Pairs of consecutive frames: decides between which to interpolate and which to hold, and forms batches."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import numpy as np

from frame_booster.engine.maker import Maker, Request
from frame_booster.media.frames.mask import HeldArea
from frame_booster.media.frames.planes import planes_of
from frame_booster.media.frames.side_data import SideDataCopy
from frame_booster.media.frames.similarity import alike, similarity, thumbnail
from frame_booster.media.input.source import SourceFrame
from frame_booster.media.passthrough.captions import CaptionQueue
from frame_booster.pipeline.exposure import Exposure, Moment
from frame_booster.pipeline.pair_batches import Pair, PairBatches, Seen, requests_of
from frame_booster.pipeline.stage_times import StageClocks
from frame_booster.pipeline.timeline import Slot, Timeline, last_duration
from frame_booster.pipeline.workers import Workers
from frame_booster.pixels import PixelLayout, Planes

MAX_REPEATS = 6
"""A frame that is repeated more often than this is a still picture, not a repeated frame (`dedupe`)."""


@dataclass
class Counts:
    """Numbers of frames and pairs of a run, by what was done with them."""

    source: int = 0
    made: int = 0
    held: int = 0
    """Frames shown again: across cuts, in still pairs and after the last frame."""
    cuts: int = 0
    gaps: int = 0
    """Pairs too far apart in time."""
    still: int = 0
    """Pairs of equal frames, for which the network is not run."""
    repeats: int = 0
    """Source frames treated as repetitions of the one before, across which motion is interpolated (`dedupe`)."""


@dataclass(frozen=True)
class PairingOptions:
    """Conditions under which a frame is held instead of interpolated."""

    scene_threshold: float = 0.2
    """Similarity below which there is a cut between two frames; 0 disables the detection."""
    max_gap: int | None = None
    """Longest gap between two frames, in ticks of the source; over a longer one the first is held. None: no limit."""
    dedupe: bool = False
    """Whether motion is interpolated across repeated frames."""
    side_data: bool = False
    """Whether an interpolated frame gets the side data of the frame before it."""


@dataclass(frozen=True)
class Shown:
    """An output frame and its slot in the timeline."""

    frame: av.VideoFrame
    slot: Slot
    captions: bytes = b""
    """Closed captions for this frame, in the form of `SourceFrame.captions`."""


@dataclass(frozen=True)
class _Held:
    """A held frame, which is shown in several slots."""

    seen: Seen
    slots: list[Slot]
    still: bool = False
    """Whether the next frame is equal, so that the motion continues after it."""


@dataclass(frozen=True)
class _Run:
    """Pairs that are being interpolated in one call."""

    pairs: list[Pair]
    made: Future[list[Planes]]


class Pairing:
    """Takes source frames one by one, and yields output frames in order.

    The maker runs in threads: as many calls in parallel as it supports, and one that waits, so it is never idle.

    Args:
      maker: interpolates frames.
      layout: pixel layout of all frames.
      timeline: times of the output frames.
      options: conditions under which frames are held.
      clocks: measure how long the network is busy, and how long the pairing waits for it.
      mask: area of each frame that is held; None for none.
    """

    def __init__(
        self,
        maker: Maker,
        layout: PixelLayout,
        timeline: Timeline,
        options: PairingOptions,
        clocks: StageClocks | None = None,
        mask: HeldArea | None = None,
    ) -> None:
        self.maker, self.layout, self.timeline, self.options = maker, layout, timeline, options
        self._clocks = clocks or StageClocks()
        self._mask = mask
        self.counts = Counts()
        self._stretch = 0
        """Number of the current section of continuous motion (`Moment.stretch`)."""
        self._exposure = Exposure(layout)
        self._accompanied: SideDataCopy | None = None
        self._previous: Seen | None = None
        self.gap = 0
        """Time between the two newest source frames, ticks."""
        self._batches = PairBatches()
        self._under_way: deque[_Run | _Held] = deque()
        self._workers: Workers[list[Planes]] = Workers(maker.at_once)
        self._repeats: list[int] = []
        self._captions = CaptionQueue()

    @property
    def settled(self) -> bool:
        """Whether all frames before the newest can be shown by a flush: no repeated frame waits for the next one."""
        return not self._repeats

    def owed_captions(self, before: int) -> int:
        """Returns how many cc_data triplets of source frames before a pts have not been output yet."""
        return self._captions.owed(before)

    def snapshot(self) -> Counts:
        """Returns the counts of all frames before the newest."""
        return replace(self.counts, source=self.counts.source - 1)

    def take_up(self, counts: Counts, gap: int) -> None:
        """Continues another pairing with this `snapshot` and `gap`; the newest frame of that one must be added next."""
        self.counts, self.gap = replace(counts), gap

    def add(self, source: SourceFrame) -> Iterator[Shown]:
        """Takes the next source frame; yields all output frames that are ready."""
        seen = self._seen(source)
        self.counts.source += 1
        self._captions.add(source.pts, source.captions)
        previous = self._previous
        if previous is None:
            self._previous = seen
            return
        newest = self._repeats[-1] if self._repeats else previous.source.pts
        self.gap = source.pts - newest
        repeats = self.options.dedupe and len(self._repeats) <= MAX_REPEATS
        if repeats and alike(previous.planes, seen.planes, self.layout):
            self._repeats.append(source.pts)
            return
        yield from self._join(previous, seen)
        yield from self._finished(self.maker.at_once + 1)

    def _seen(self, source: SourceFrame) -> Seen:
        planes = planes_of(source.frame, self.layout)
        return Seen(source, planes, thumbnail(planes, self.layout))

    def _join(self, previous: Seen, seen: Seen) -> Iterator[Shown]:
        """Holds or interpolates between two frames; yields all output frames that are ready."""
        times = [previous.source.pts, *self._repeats, seen.source.pts]
        slots = [slot for begin, end in itertools.pairwise(times) for slot in self.timeline.between(begin, end)]
        self._previous = seen
        repeats, self._repeats = self._repeats, []
        still = self.counts.still
        if len(repeats) > MAX_REPEATS or self._is_held(previous, seen):
            self._start(self._batches.take())
            self._under_way.append(_Held(previous, slots, self.counts.still > still))
        else:
            self.counts.repeats += len(repeats)
            for batch in self._batches.add(Pair(previous, seen, slots), self.maker.batch_size):
                self._start(batch)
                yield from self._finished(self.maker.at_once + 1)

    def finish(self, rate: Fraction | None, time_base: Fraction, again: SourceFrame | None = None) -> Iterator[Shown]:
        """Yields all remaining frames: the last is held for its own duration or, in a loop, moves on to the first.

        Args:
          rate, time_base: those of the source, for `timeline.last_duration`.
          again: the first frame of the source if the video is a loop, else None.
        """
        last = self._previous
        if last is None:
            self.close()
            return
        times = [last.source.pts, *self._repeats]
        times.append(times[-1] + last_duration(last.source.duration, self.gap, rate, time_base))
        if again is None:
            yield from self._wait()
            for begin, end in itertools.pairwise(times):
                held = self._hold(_Held(last, list(self.timeline.between(begin, end))))
                yield from map(self._shown, self._exposure.take(held))
        else:
            self.gap = times[-1] - times[-2]
            yield from self._join(last, self._seen(SourceFrame(again.frame, times[-1], 0)))
        yield from self.flush()
        self.close()

    def _is_held(self, first: Seen, second: Seen) -> bool:
        if all(np.array_equal(a, b) for a, b in zip(first.planes, second.planes, strict=True)):
            self.counts.still += 1
            return True
        if self.options.max_gap is not None and self.gap > self.options.max_gap:
            self.counts.gaps += 1
            return True
        threshold = self.options.scene_threshold
        if threshold and similarity(first.thumbnail, second.thumbnail) < threshold:
            self.counts.cuts += 1
            return True
        return False

    def flush(self) -> Iterator[Shown]:
        """Interpolates the waiting pairs and yields all frames that are not output yet."""
        yield from self._wait()
        yield from map(self._shown, self._exposure.close())

    def _wait(self) -> Iterator[Shown]:
        self._start(self._batches.take())
        yield from self._finished(0)

    def close(self) -> None:
        """Stops the threads; calls that have not begun are dropped."""
        self._workers.close()

    def _start(self, pairs: list[Pair]) -> None:
        """Starts interpolating between pairs."""
        if not pairs:
            return
        frames, requests = requests_of(pairs)
        made = self._workers.start(lambda: self._make(frames, requests) if requests else [])
        self._under_way.append(_Run(pairs, made))

    def _make(self, frames: list[Planes], requests: list[Request]) -> list[Planes]:
        with self._clocks.network:
            return self.maker.make(frames, requests)

    def _finished(self, most: int) -> Iterator[Shown]:
        """Yields finished frames in order; waits until at most `most` calls are running."""
        while self._under_way:
            oldest = self._under_way[0]
            waits = isinstance(oldest, _Run) and not oldest.made.done()
            if waits and len(self._under_way) <= most:
                return
            self._under_way.popleft()
            moments = self._hold(oldest) if isinstance(oldest, _Held) else self._show(oldest)
            yield from map(self._shown, self._exposure.take(moments))

    def _hold(self, held: _Held) -> Iterator[Moment]:
        seen, before = held.seen, self._stretch
        for slot in held.slots:
            again = slot.at > seen.source.pts
            if again and not held.still:
                self._stretch = before + 1
            yield Moment(seen.source.frame, slot, self._stretch, again, seen=seen.planes)
        if not held.still:
            self._stretch = before + 2

    def _show(self, run: _Run) -> Iterator[Moment]:
        with self._clocks.awaited:
            made = iter(run.made.result())
        for pair in run.pairs:
            first = pair.first
            for slot in pair.slots:
                if pair.t(slot) == 0:
                    yield Moment(first.source.frame, slot, self._stretch, seen=first.planes)
                    continue
                planes = next(made)
                if self._mask is not None:
                    planes = self._mask.hold(planes, first.planes)
                yield Moment(first.source.frame, slot, self._stretch, made=planes, seen=planes)

    def _shown(self, moment: Moment) -> Shown:
        self.counts.held += moment.held
        self.counts.made += moment.made is not None
        if self._accompanied is None and self.options.side_data:
            self._accompanied = SideDataCopy(moment.like)
        frame = moment.shown(self.layout, self._accompanied)
        return Shown(frame, moment.slot, self._captions.take(moment.slot.at))
