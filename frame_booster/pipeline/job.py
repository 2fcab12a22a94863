"""One input to one sink: reading, interpolating and writing at the same time."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import av

from frame_booster import files
from frame_booster.engine.batch_interpolator import KeptMakers
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.maker import Maker
from frame_booster.engine.memory_plan import Plan, queue_bytes
from frame_booster.errors import Interrupted
from frame_booster.media.input.source import Source, SourceFrame
from frame_booster.media.output.sink import Sink, Written
from frame_booster.pipeline.boundaries import Boundary, Opening, SegmentedSink
from frame_booster.pipeline.byte_queue import MOST_ITEMS, Broken, ByteQueue
from frame_booster.pipeline.makers import NetworkMakers
from frame_booster.pipeline.pairing import Counts, Shown
from frame_booster.pipeline.pairing_stage import Inbox, Outbox, PairingStage
from frame_booster.pipeline.settings import JobSettings
from frame_booster.pipeline.stage_times import StageClocks, StageTimes, Stopwatch
from frame_booster.pipeline.timeline import Timeline
from frame_booster.pipeline.workers import background_thread
from frame_booster.pixels import PixelLayout

_LOOK_S = 0.2
"""How often a job looks whether it is to stop."""
_READ_AHEAD = 32
"""Frames that a lone segment is ahead in its reading."""
_PATIENCE_S = 1.0
"""How long a run that is interrupted, or has failed, waits for its threads."""
_WINDOWS_PATIENCE_S = 30.0
"""How long it waits there for the writer: an open file cannot be removed, and FFmpeg moves all of a large MP4 at its
end."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come; given to the callback after every frame written."""

    frames: int
    """Frames of the output."""
    total: int | None
    """Of all, as far as the input tells."""
    seconds: float
    """Since the run began."""
    stages: StageTimes = field(default_factory=StageTimes)
    """How long each stage was at work, s; `as_json` gives them by their names."""


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
      maker: gives what makes interpolated frames, instead of the model.
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
        maker: Callable[[PixelLayout], Maker] | None = None,
    ) -> None:
        self.source, self.settings = source, settings
        self._sink_open = threading.Event()
        self.open_sink, self.progress, self.after = open_sink, progress, after
        self.kept_partial = False
        self._stop = stop or threading.Event()
        asked = settings.max_memory
        allowed = None if asked is None else asked // sharers
        waiting = queue_bytes(allowed)
        # What lies behind a lone segment is another's, and is read in vain.
        most = _READ_AHEAD if settings.lone_segment else MOST_ITEMS
        self._clocks = clocks = StageClocks()
        self._inbox: Inbox = ByteQueue(waiting, most, full=clocks.inbox_full, empty=clocks.inbox_empty)
        self._outbox: Outbox = ByteQueue(waiting, full=clocks.outbox_full, empty=clocks.outbox_empty)
        self._makers = NetworkMakers(source, model, settings, allowed, sharers, kept)
        self._pairing = PairingStage(
            source,
            maker or self._makers,
            settings,
            self._inbox,
            self._outbox,
            self._sink_open,
            clocks,
            after,
            first_again,
        )
        self._failures: list[BaseException] = []
        self._stopped = False
        self._outcome: tuple[Written, list[str]] | None = None
        self._began = time.monotonic()

    @property
    def counts(self) -> Counts:
        """What has become of the frames so far."""
        return self._pairing.counts

    @property
    def plans(self) -> list[Plan]:
        """How the network works, for each device; known once the first frame is."""
        return self._makers.plans

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
        writer, pairing, reader = ended = [threading.Event() for _ in range(3)]
        begun = False
        try:
            for name, part, clock, end in (
                ("reader", self._read, clocks.reader, reader),
                ("pairing", self._pairing.run, clocks.pairing, pairing),
                ("writer", self._write, clocks.writer, writer),
            ):
                background_thread(functools.partial(self._guarded, part, clock, end), name).start()
            begun = True
            for end in ended:
                self._wait_for(end, patient=end is writer)
        except BaseException:
            self._stopped = True
            self._break_off()
            # The sink belongs to the writer, which must have left it; a frame in the network can be left alone.
            if begun:
                self._leave_to(writer)
            else:
                # Interrupted while they were started: whether a thread has been is not told.
                writer.wait(_PATIENCE_S)
            raise
        if self._failures:
            raise self._failures[0]
        assert self._outcome is not None
        return Outcome(self._pairing.counts, self._outcome[0], self._pairing.timeline, self._outcome[1], self.stages)

    def _wait_for(self, end: threading.Event, *, patient: bool) -> None:
        # Not by `Thread.join`: up to Python 3.12 one that a signal interrupts takes a thread at work for ended.
        left = _PATIENCE_S
        while left > 0:
            over = end.wait(_LOOK_S)
            if self._stop.is_set():
                raise Interrupted("stopped with the others")
            if over:
                return
            # After a failure, a reader may wait for a pipe in which nothing comes.
            if self._failures and not patient:
                left -= _LOOK_S

    def _leave_to(self, writer: threading.Event) -> None:
        """Waits for the writer to close the sink; in steps, between which Windows lets signals arrive."""
        patience = _WINDOWS_PATIENCE_S if files.WINDOWS else _PATIENCE_S
        until = None if self.settings.keep_partial else time.monotonic() + patience
        while not writer.wait(_LOOK_S):
            if until is not None and time.monotonic() >= until:
                return

    def _guarded(self, part: Callable[[], None], clock: Stopwatch, ended: threading.Event) -> None:
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
        finally:
            ended.set()

    def _break_off(self) -> None:
        self._inbox.break_off()
        self._outbox.break_off()

    def _read(self) -> None:
        resume = None if self.after is None else self.after.next
        # A run in segments copies the other streams when it joins them.
        for item in self.source.items(resume=resume, packets=self.settings.segment is None):
            self._inbox.put(item, item.size if isinstance(item, av.Packet) else _frame_bytes(item.frame))
        self._inbox.close()

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
