"""The stage of a job between reader and writer: pairs frames, interpolates between them, and ends segments."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import av

from frame_booster.engine.maker import Maker
from frame_booster.errors import DecodeError
from frame_booster.media.frames.planes import layout_of
from frame_booster.media.input.source import Resume, Source, SourceFrame
from frame_booster.options import MAX_GAP_FRAMES
from frame_booster.pipeline.boundaries import Boundary, Opening, SegmentGrid
from frame_booster.pipeline.byte_queue import Broken, ByteQueue
from frame_booster.pipeline.pairing import Counts, Pairing, PairingOptions, Shown
from frame_booster.pipeline.settings import JobSettings
from frame_booster.pipeline.stage_times import StageClocks
from frame_booster.pipeline.timeline import Timeline, gap_limit
from frame_booster.pixels import PixelLayout

_LOOK_S = 0.2
"""Interval at which the stage checks for failures of other stages while it waits for the sink, in s."""

Inbox = ByteQueue[SourceFrame | av.Packet]
"""Queue from the reader: frames, and packets of the other streams."""
Outbox = ByteQueue[Opening | Shown | Boundary | av.Packet]
"""Queue to the writer: the opening first, then output frames, packets, and boundaries of segments."""


class PairingStage:
    """Receives frames from the reader, and sends them and interpolated frames to the writer.

    Args:
      source: the open input.
      maker: returns the maker for a pixel layout; called after the sink has been opened, so that an unsupported output
        fails before the model is loaded.
      settings: which frames to interpolate, and how.
      inbox, outbox: queues from the reader and to the writer.
      sink_open: set by the writer.
      clocks: stopwatches of the stages.
      after: point at which to continue an earlier run.
      first_again: reads the first frame of the input again, for a loop whose start was read by an earlier run.
    """

    def __init__(
        self,
        source: Source,
        maker: Callable[[PixelLayout], Maker],
        settings: JobSettings,
        inbox: Inbox,
        outbox: Outbox,
        sink_open: threading.Event,
        clocks: StageClocks,
        after: Boundary | None = None,
        first_again: Callable[[], SourceFrame] | None = None,
    ) -> None:
        self._source, self._maker, self._settings = source, maker, settings
        self._inbox, self._outbox, self._sink_open = inbox, outbox, sink_open
        self._clocks, self._after, self._first_again = clocks, after, first_again
        self._pairing: Pairing | None = None

    @property
    def counts(self) -> Counts:
        """Counts of frames so far."""
        return Counts() if self._pairing is None else self._pairing.counts

    @property
    def timeline(self) -> Timeline:
        """Timeline of the output; known after the first frame."""
        assert self._pairing is not None
        return self._pairing.timeline

    def run(self) -> None:
        """Processes all frames, in a thread of its own.

        Raises:
          Broken: another stage has failed.
          FrameBoosterError: no frame can be decoded, timestamps are out of order, or interpolation fails.
        """
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
            raise DecodeError("no frame can be decoded", path=self._source.path)
        layout = layout_of(first.frame)
        origin = first.pts if self._after is None else self._after.first_pts
        timeline = self._settings.rate.timeline(self._source.info.time_base, self._source.info.rate, origin)
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
        info, mask = self._source.info, self._settings.mask
        # Fitted before the model is loaded, so that a mask that does not fit fails early.
        held = None if mask is None else mask.fitted(first, layout, info.sample_aspect_ratio)
        limit = gap_limit(self._settings.max_gap, MAX_GAP_FRAMES, info.rate, info.time_base)
        pairing = Pairing(
            self._maker(layout),
            layout,
            timeline,
            PairingOptions(self._settings.scene_threshold, limit, self._settings.dedupe, self._settings.side_data),
            self._clocks,
            held,
        )
        if self._after is not None:
            pairing.take_up(self._after.counts, self._after.gap)
        self._pairing = pairing
        return pairing

    def _boost(
        self,
        pairing: Pairing,
        layout: PixelLayout,
        origin: int,
        first: SourceFrame,
        items: Iterator[SourceFrame | av.Packet],
    ) -> None:
        info = self._source.info

        def send(shown: Iterator[Shown]) -> None:
            for one in shown:
                self._outbox.put(one, layout.frame_bytes)

        send(pairing.add(first))
        last = first.pts
        segment = self._settings.segment
        grid = None if segment is None else SegmentGrid(origin, segment / info.time_base)
        number = 0 if grid is None else grid.number_at(last)
        for item in items:
            if not isinstance(item, SourceFrame):
                self._outbox.put(item, item.size)
                continue
            if item.pts <= last:
                raise DecodeError(
                    f"timestamps go back, from {last} to {item.pts}",
                    path=self._source.path,
                    hint="this is a bug in frame-booster; please report it with the file",
                )
            last = item.pts
            send(pairing.add(item))
            if grid is not None and pairing.settled and grid.number_at(last) > number:
                send(pairing.flush())
                if pairing.owed_captions(last):
                    continue
                number = grid.number_at(last)
                counts = pairing.snapshot()
                here = Resume(last, self._source.shift, self._source.format, self._source.fields)
                self._outbox.put(Boundary(here, origin, pairing.gap, counts), 0)
                if self._settings.lone_segment:
                    self._inbox.break_off()
                    return
        if self._inbox.broken:
            raise Broken
        before = replace(pairing.counts)
        send(pairing.finish(info.rate, info.time_base, self._again(first)))
        self._tell_of_loop(before, pairing.counts)
        left = pairing.owed_captions(last + 1)
        if left:
            self._source.report.warn(f"the last {left} packets of closed captions are lost: no frame follows them")

    def _again(self, first: SourceFrame) -> SourceFrame | None:
        """Returns the first frame of the whole input if the video is a loop, else None.

        Args:
          first: the first frame that this job has read.
        """
        if not self._settings.loop:
            return None
        return first if self._after is None or self._first_again is None else self._first_again()

    def _tell_of_loop(self, before: Counts, now: Counts) -> None:
        if self._settings.loop and now.cuts > before.cuts:
            self._source.report.warn("--loop: there is a cut between the last frame and the first, so the last is held")
        elif self._settings.loop and now.gaps > before.gaps:
            self._source.report.warn("--loop: the last frame is shown for longer than --max-gap, so it is held")
