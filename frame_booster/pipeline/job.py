"""A job: one input to one sink, with reading, interpolating and writing in parallel threads."""

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
"""Interval at which a job checks whether to stop, s."""
_READ_AHEAD = 32
"""Number of frames that the reader of a single segment reads ahead."""
_PATIENCE_S = 1.0
"""How long an interrupted or failed run waits for its threads, s."""
_WINDOWS_PATIENCE_S = 30.0
"""How long it waits for the writer on Windows, s: an open file cannot be removed there, and FFmpeg rewrites a large MP4
at its end."""


@dataclass(frozen=True)
class Progress:
    """Progress of a run; passed to the callback after every written frame."""

    frames: int
    """Written frames."""
    total: int | None
    """Expected number of frames; None if unknown."""
    seconds: float
    """Seconds since the run began."""
    stages: StageTimes = field(default_factory=StageTimes)
    """How long each stage was busy, s; `as_json` returns a dictionary."""


@dataclass(frozen=True)
class Outcome:
    """Result of a job."""

    counts: Counts
    written: Written
    timeline: Timeline
    warnings: list[str]
    stages: StageTimes = field(default_factory=StageTimes)


class Job:
    """The threads over one input: reader, pairing (with the network's threads) and writer; the caller's thread waits.

    Args:
      source: the opened input.
      model: loads the model; called after the sink has been opened, so that an unsupported output fails before that.
      settings: which frames to interpolate, and how.
      open_sink: creates the sink when the first frame is known.
      progress: called after every written frame, in the writer's thread.
      after: point at which to continue an earlier run.
      stop: interrupts the run when set, for jobs outside the main thread, where signals do not arrive.
      sharers: number of simultaneous jobs, which share cores and memory.
      kept: makers of earlier jobs, for a model on one device.
      first_again: reads the first frame of the input again, for a loop whose start was read by an earlier run.
      maker: returns a maker to use instead of the model.
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
        # Frames after a lone segment belong to another one and would be read in vain.
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
        """Counts of frames so far."""
        return self._pairing.counts

    @property
    def plans(self) -> list[Plan]:
        """Plans of the network, one for each device; known after the first frame."""
        return self._makers.plans

    @property
    def stages(self) -> StageTimes:
        """How long each stage has been busy so far."""
        return self._clocks.times()

    def run(self) -> Outcome:
        """Runs the job to its end.

        Raises:
          FrameBoosterError: the first error of any thread.
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
            # The writer must have closed the sink; the network's threads need not have finished.
            if begun:
                self._leave_to(writer)
            else:
                # Interrupted while threads were started: it is unknown which of them are running.
                writer.wait(_PATIENCE_S)
            raise
        if self._failures:
            raise self._failures[0]
        assert self._outcome is not None
        return Outcome(self._pairing.counts, self._outcome[0], self._pairing.timeline, self._outcome[1], self.stages)

    def _wait_for(self, end: threading.Event, *, patient: bool) -> None:
        # Not `Thread.join`: up to Python 3.12, if a signal interrupts it, it takes a running thread for ended.
        left = _PATIENCE_S
        while left > 0:
            over = end.wait(_LOOK_S)
            if self._stop.is_set():
                raise Interrupted("stopped with the others")
            if over:
                return
            # After a failure, the reader may still wait for a silent pipe.
            if self._failures and not patient:
                left -= _LOOK_S

    def _leave_to(self, writer: threading.Event) -> None:
        """Waits until the writer has closed the sink; in steps, since Windows delivers signals only in between."""
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
            # Another thread has failed, and its error is the cause.
            return
        # The caller's thread raises the error.
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
        # A run with segments copies the other streams when it joins the segments.
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
