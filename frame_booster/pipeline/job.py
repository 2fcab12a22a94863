"""One input to one sink: reading, interpolating and writing at the same time."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import av

from frame_booster.engine.batch_interpolator import KeptMakers
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.maker import Maker
from frame_booster.engine.memory_plan import Plan, free_memory, queue_bytes
from frame_booster.errors import DecodeError, Interrupted
from frame_booster.media.frames.planes import layout_of
from frame_booster.media.input.source import Resume, Source, SourceFrame
from frame_booster.media.output.sink import Sink, Written
from frame_booster.options import MAX_GAP_FRAMES
from frame_booster.pipeline.boundaries import Boundary, Opening, SegmentedSink, SegmentGrid
from frame_booster.pipeline.byte_queue import MOST_ITEMS, Broken, ByteQueue
from frame_booster.pipeline.makers import maker_for
from frame_booster.pipeline.pairing import Counts, Pairing, PairingOptions, Shown
from frame_booster.pipeline.settings import JobSettings
from frame_booster.pipeline.stage_times import StageClocks, StageTimes, Stopwatch
from frame_booster.pipeline.timeline import Timeline, gap_limit
from frame_booster.pipeline.workers import background_thread
from frame_booster.pixels import PixelLayout

_LOOK_S = 0.2
"""How often a job looks whether it is to stop."""
_READ_AHEAD = 32
"""Frames that a lone segment is ahead in its reading."""
_PATIENCE_S = 1.0
"""How long an interrupted run waits for its threads."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come; given to the callback after every frame written."""

    frames: int
    """Frames of the output."""
    total: int | None
    """Of all, as far as the input tells."""
    seconds: float
    stages: StageTimes = field(default_factory=StageTimes)
    """How long each stage was at work."""


@dataclass(frozen=True)
class Outcome:
    """What a job did."""

    counts: Counts
    written: Written
    timeline: Timeline
    warnings: list[str]
    stages: StageTimes = field(default_factory=StageTimes)


class Job:
    """Threads over one input: the reader's, the pairing's with the network's, the writer's; the caller's only waits.

    Args:
      source: opened.
      model: gives the model; called when the sink is open, so that what an output refuses is known before it is loaded.
      settings: which frames are interpolated, and how.
      open_sink: makes the sink when the first frame is known.
      progress: called after every frame written, from the writer's thread.
      after: where to take up an earlier run.
      stop: interrupts the run when set, for jobs outside the main thread, where signals do not arrive.
      sharers: jobs at the same time, that share the processor's cores and memory.
      kept: makers of earlier jobs, for a model on one device.
      first_again: reads the first frame of the input anew, for a loop whose beginning an earlier run has read.
    """

    def __init__(
        self,
        source: Source,
        model: Callable[[], LoadedNetwork],
        settings: JobSettings,
        open_sink: Callable[[Opening], Sink],
        progress: Callable[[Progress], None] | None = None,
        after: Boundary | None = None,
        stop: threading.Event | None = None,
        sharers: int = 1,
        kept: KeptMakers | None = None,
        first_again: Callable[[], SourceFrame] | None = None,
    ) -> None:
        self.source, self.settings, self._kept = source, settings, kept
        self._first_again = first_again
        self._model = model
        self._sink_open = threading.Event()
        self.open_sink, self.progress, self.after = open_sink, progress, after
        self.kept_partial = False
        self.plans: list[Plan] = []
        """How the network works, for each device; known once the first frame is."""
        self._stop = stop or threading.Event()
        self._sharers = sharers
        asked = settings.max_memory
        self._allowed = None if asked is None else asked // sharers
        waiting = queue_bytes(self._allowed)
        # What lies behind a lone segment is another's, and is read in vain.
        most = _READ_AHEAD if settings.lone_segment else MOST_ITEMS
        self._clocks = clocks = StageClocks()
        self._inbox: ByteQueue[SourceFrame | av.Packet] = ByteQueue(
            waiting, most, full=clocks.inbox_full, empty=clocks.inbox_empty
        )
        self._outbox: ByteQueue[Opening | Shown | Boundary | av.Packet] = ByteQueue(
            waiting, full=clocks.outbox_full, empty=clocks.outbox_empty
        )
        self._failures: list[BaseException] = []
        self._stopped = False
        self._pairing: Pairing | None = None
        self._outcome: tuple[Written, list[str]] | None = None
        self._began = time.monotonic()

    @property
    def counts(self) -> Counts:
        """What has become of the frames so far."""
        return Counts() if self._pairing is None else self._pairing.counts

    @property
    def stages(self) -> StageTimes:
        """How long each stage has been at work so far."""
        return self._clocks.times()

    def run(self) -> Outcome:
        """Works to the end.

        Raises:
          FrameBoosterError: whatever went wrong first, in any thread.
        """
        clocks = self._clocks
        threads = [
            background_thread(functools.partial(self._guarded, part, clock), name)
            for name, part, clock in (
                ("reader", self._read, clocks.reader),
                ("pairing", self._make, clocks.pairing),
                ("writer", self._write, clocks.writer),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in reversed(threads):
                while thread.is_alive():
                    thread.join(_LOOK_S)
                    if self._stop.is_set():
                        raise Interrupted("stopped with the others")
        except BaseException:
            self._stopped = True
            self._break_off()
            # The sink belongs to the writer, which must have left it; a frame in the network can be left alone.
            threads[2].join(None if self.settings.keep_partial else _PATIENCE_S)
            raise
        if self._failures:
            raise self._failures[0]
        assert self._outcome is not None
        assert self._pairing is not None
        return Outcome(self._pairing.counts, self._outcome[0], self._pairing.timeline, self._outcome[1], self.stages)

    def _guarded(self, part: Callable[[], None], clock: Stopwatch) -> None:
        try:
            with clock:
                part()
        except Broken:
            # Another thread has failed, and its error is the one that matters.
            return
        # A thread hands over whatever went wrong; the caller's thread raises it.
        except BaseException as error:
            self._failures.append(error)
            self._break_off()

    def _break_off(self) -> None:
        self._inbox.break_off()
        self._outbox.break_off()

    def _read(self) -> None:
        resume = None if self.after is None else self.after.next
        # A run in segments copies the other streams when it joins them.
        for item in self.source.items(resume=resume, packets=self.settings.segment is None):
            self._inbox.put(item, item.size if isinstance(item, av.Packet) else _frame_bytes(item.frame))
        self._inbox.close()

    def _make(self) -> None:
        items = iter(self._inbox)
        early: list[av.Packet] = []
        first: SourceFrame | None = None
        for item in items:
            if isinstance(item, SourceFrame):
                first = item
                break
            early.append(item)
        if first is None:
            if self._inbox.broken:
                raise Broken
            raise DecodeError("not one frame could be decoded", path=self.source.path)
        layout = layout_of(first.frame)
        origin = first.pts if self.after is None else self.after.first_pts
        timeline = self.settings.rate.timeline(self.source.info.time_base, self.source.info.rate, origin)
        self._outbox.put(Opening(first.frame, timeline, first.pts), 0)
        with self._clocks.sink:
            while not self._sink_open.wait(_LOOK_S):
                if self._outbox.broken:
                    raise Broken
        with self._clocks.load:
            pairing = self._pair_up(layout, timeline, first.frame)
        for packet in early:
            self._outbox.put(packet, packet.size)
        try:
            self._boost(pairing, layout, origin, first, items)
        finally:
            pairing.close()
        self._outbox.close()

    def _pair_up(self, layout: PixelLayout, timeline: Timeline, first: av.VideoFrame) -> Pairing:
        info, mask = self.source.info, self.settings.mask
        # A mask that does not fit is known before the model is loaded.
        held = None if mask is None else mask.fitted(first, layout, info.sample_aspect_ratio)
        limit = gap_limit(self.settings.max_gap, MAX_GAP_FRAMES, info.rate, info.time_base)
        pairing = Pairing(
            self._maker(layout),
            layout,
            timeline,
            PairingOptions(self.settings.scene_threshold, limit, self.settings.dedupe),
            self._clocks,
            held,
        )
        if self.after is not None:
            pairing.take_up(self.after.counts, self.after.gap)
        self._pairing = pairing
        return pairing

    def _maker(self, layout: PixelLayout) -> Maker:
        # What is free before the model is loaded: a plan counts the model, too.
        memory = free_memory() // 2 // self._sharers if self._allowed is None else self._allowed
        maker, plans = maker_for(
            layout,
            self._model(),
            self.settings,
            warn=self.source.report.warn,
            memory=memory,
            refuse=self._allowed is not None,
            sharers=self._sharers,
            kept=self._kept,
            expected=self._expected(),
        )
        self.plans += plans
        return maker

    def _expected(self) -> int | None:
        """Returns how many frames are to be interpolated, as far as the input tells."""
        frames = self.source.expected_frames
        total = self.settings.rate.expected_frames(frames, self.source.info.rate)
        return None if frames is None or total is None else max(total - frames, 0)

    def _boost(
        self,
        pairing: Pairing,
        layout: PixelLayout,
        origin: int,
        first: SourceFrame,
        items: Iterator[SourceFrame | av.Packet],
    ) -> None:
        info = self.source.info

        def send(shown: Iterator[Shown]) -> None:
            for one in shown:
                self._outbox.put(one, layout.frame_bytes)

        send(pairing.add(first))
        last = first.pts
        segment = self.settings.segment
        grid = None if segment is None else SegmentGrid(origin, segment / info.time_base)
        number = 0 if grid is None else grid.number_at(last)
        for item in items:
            if not isinstance(item, SourceFrame):
                self._outbox.put(item, item.size)
                continue
            if item.pts <= last:
                raise DecodeError(
                    f"timestamps go back, from {last} to {item.pts}",
                    path=self.source.path,
                    hint="a source must not give such frames; please report this with the file",
                )
            last = item.pts
            send(pairing.add(item))
            if grid is not None and pairing.settled and grid.number_at(last) > number:
                send(pairing.flush())
                if pairing.owed_captions(last):
                    continue
                number = grid.number_at(last)
                counts = pairing.snapshot()
                here = Resume(last, self.source.shift, self.source.format, self.source.fields)
                self._outbox.put(Boundary(here, origin, pairing.gap, counts), 0)
                if self.settings.lone_segment:
                    self._inbox.break_off()
                    return
        if self._inbox.broken:
            raise Broken
        before = replace(pairing.counts)
        send(pairing.finish(info.rate, info.time_base, self._again(first)))
        self._tell_of_loop(before, pairing.counts)
        left = pairing.owed_captions(last + 1)
        if left:
            self.source.report.warn(f"the last {left} pieces of closed captions are lost: no frame comes after them")

    def _again(self, first: SourceFrame) -> SourceFrame | None:
        """Returns the first frame of the whole input, to be shown after the last; None where none is.

        Args:
          first: the first that this job has read.
        """
        if not self.settings.loop:
            return None
        return first if self.after is None or self._first_again is None else self._first_again()

    def _tell_of_loop(self, before: Counts, now: Counts) -> None:
        if self.settings.loop and now.cuts > before.cuts:
            self.source.report.warn("the loop has a cut between its last frame and its first: the last is held")
        elif self.settings.loop and now.gaps > before.gaps:
            self.source.report.warn("the last frame of the loop is shown for longer than --max-gap: it is held")

    def _write(self) -> None:
        items = iter(self._outbox)
        opening = next(items, None)
        if not isinstance(opening, Opening):
            raise Broken
        with self.open_sink(opening) as sink:
            self._sink_open.set()
            for item in items:
                if isinstance(item, Shown):
                    sink.write(item.frame, item.slot.pts, item.slot.duration, item.captions)
                    self._tell(sink.written.frames)
                elif isinstance(item, Boundary):
                    assert isinstance(sink, SegmentedSink)
                    sink.cut(item)
                elif isinstance(item, av.Packet):
                    sink.copy(item)
            if self._outbox.broken:
                if self._stopped and self.settings.keep_partial and sink.written.frames:
                    sink.finish()
                    self.kept_partial = True
                    return
                raise Broken
            self._outcome = sink.finish(), sink.warnings

    def _tell(self, frames: int) -> None:
        if self.progress is None:
            return
        total = self.settings.rate.expected_frames(self.source.expected_frames, self.source.info.rate)
        self.progress(Progress(frames, total, time.monotonic() - self._began, self.stages))


def _frame_bytes(frame: av.VideoFrame) -> int:
    return sum(plane.buffer_size for plane in frame.planes)
