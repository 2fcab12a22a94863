"""One file, from reading to the renamed result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from frame_booster.engine.batches import BatchInterpolator
from frame_booster.engine.model import Model
from frame_booster.errors import DecodeError, InputError
from frame_booster.media.output import check_output, default_output, partial_file, verify
from frame_booster.media.planes import layout_of
from frame_booster.media.sink import FileSink
from frame_booster.media.source import FileSource, SourceFrame
from frame_booster.options import MAX_GAP_FRAMES, BoostOptions, EncoderOptions
from frame_booster.pipeline.channel import Broken, Channel
from frame_booster.pipeline.pairing import Pairing, Shown
from frame_booster.pipeline.plan import gap_limit
from frame_booster.pixels import PixelLayout

QUEUE_BYTES = 128 << 20
"""Decoded frames that may wait before the network, and again behind it."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come; given to the callback after every frame written."""

    frames: int
    """Frames of the output."""
    total: int | None
    """Of all, as far as the input tells."""
    seconds: float


@dataclass(frozen=True)
class Result:
    """What a run did."""

    input: str
    output: str
    frames_in: int
    frames_out: int
    made: int
    held: int
    cuts: int
    gaps: int
    still: int
    duration: Fraction
    """Of the output's video, s."""
    rate: Fraction | None
    """Average frames a second of the output."""
    decode_errors: int
    seconds: float
    model: str
    device: str
    precision: str
    warnings: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Returns the fields with fractions as text, "30000/1001"."""
        return {k: str(v) if isinstance(v, Fraction) else v for k, v in asdict(self).items()}


def boost(
    input: str | Path,
    output: str | Path | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> Result:
    """Multiplies the frame rate of a video.

    Args:
      input: video file.
      output: file to write; None is `input.2x.mp4` beside the input.
      progress: called after every frame written, from the thread of the writer.
      **options: fields of `BoostOptions`, and of `EncoderOptions` (codec, crf, preset, pix_fmt, options).

    Returns:
      What was done.

    Raises:
      FrameBoosterError: of one of its kinds; there is then no file under the output's name that was
        not there before.
    """
    encoder = {k: options.pop(k) for k in EncoderOptions.__dataclass_fields__ if k in options}
    unknown = set(options) - set(BoostOptions.__dataclass_fields__)
    if unknown:
        raise InputError(f"unknown option: {', '.join(sorted(unknown))}")
    if encoder:
        options["encoder"] = EncoderOptions(**encoder)
    return run(Path(input), None if output is None else Path(output), BoostOptions(**options), progress)


def run(
    source_path: Path,
    output: Path | None,
    options: BoostOptions,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """As `boost`, with checked options."""
    began = time.monotonic()
    target = default_output(source_path, options.factor) if output is None else output
    with FileSource(source_path, start=options.start, duration=options.duration) as source:
        check_output(source_path, target, overwrite=options.overwrite)
        model = Model(options.model, options.weights, options.device, options.precision)
        with partial_file(target) as partial:
            job = _Job(source, model, options, progress)
            result = job.write_to(partial, target)
        return Result(input=str(source_path), output=str(target), seconds=round(time.monotonic() - began, 3), **result)


class _Job:
    """Three threads over one file: the reader's, the writer's, and the caller's for the network."""

    def __init__(
        self,
        source: FileSource,
        model: Model,
        options: BoostOptions,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.source, self.model, self.options, self.progress = source, model, options, progress
        self.inbox: Channel[SourceFrame | av.Packet] = Channel(QUEUE_BYTES)
        self.outbox: Channel[Shown | av.Packet] = Channel(QUEUE_BYTES)
        self.failure: BaseException | None = None
        self.began = time.monotonic()

    def write_to(self, partial: Path, target: Path) -> dict[str, Any]:
        reader = threading.Thread(target=self._read, name="reader", daemon=True)
        reader.start()
        try:
            items = iter(self.inbox)
            early, first = self._until_first_frame(items)
            layout = layout_of(first.frame)
            time_base = self.source.info.time_base / self.options.factor
            rate = self.source.info.rate
            rate = None if rate is None else rate * self.options.factor
            with FileSink(
                partial,
                final_name=target,
                source=self.source,
                first=first.frame,
                time_base=time_base,
                rate=rate,
                options=self.options.encoder,
            ) as sink:
                writer = threading.Thread(target=self._write, args=(sink,), name="writer", daemon=True)
                writer.start()
                try:
                    pairing = self._boost(layout, early, first, items)
                    self.outbox.close()
                    writer.join()
                except BaseException:
                    self.outbox.break_off()
                    raise
                finally:
                    # The sink must not be closed under the writer's hands.
                    writer.join()
                if self.failure is not None:
                    raise self.failure
                written = sink.finish()
            verify(partial, written, time_base)
        except Broken:
            # The writer gave up; why is the error that matters.
            if self.failure is None:
                raise
            raise self.failure from None
        finally:
            self.inbox.break_off()
            reader.join()
        counts = pairing.counts
        return {
            "frames_in": counts.source,
            "frames_out": written.frames,
            "made": counts.made,
            "held": counts.held,
            "cuts": counts.cuts,
            "gaps": counts.gaps,
            "still": counts.still,
            "duration": (written.end_pts - (written.first_pts or 0)) * time_base,
            "rate": rate,
            "decode_errors": self.source.report.decode_errors,
            "model": self.model.name,
            "device": self.model.device,
            "precision": self.model.precision,
            "warnings": [*self.source.report.warnings, *sink.warnings],
        }

    def _until_first_frame(self, items: Iterator[SourceFrame | av.Packet]) -> tuple[list[av.Packet], SourceFrame]:
        early: list[av.Packet] = []
        for item in items:
            if isinstance(item, SourceFrame):
                return early, item
            early.append(item)
        raise DecodeError("not one frame could be decoded", path=self.source.path)

    def _boost(
        self,
        layout: PixelLayout,
        early: list[av.Packet],
        first: SourceFrame,
        items: Iterator[SourceFrame | av.Packet],
    ) -> Pairing:
        maker = BatchInterpolator(self.model, layout, self.options.batch_size)
        info = self.source.info
        limit = gap_limit(self.options.max_gap, MAX_GAP_FRAMES, info.rate, info.time_base)
        pairing = Pairing(maker, layout, self.options.factor, self.options.scene_threshold, limit)

        def send(shown: Iterator[Shown]) -> None:
            for one in shown:
                self.outbox.put(one, layout.frame_bytes)

        for packet in early:
            self.outbox.put(packet, packet.size)
        send(pairing.add(first))
        last = first.pts
        for item in items:
            if not isinstance(item, SourceFrame):
                self.outbox.put(item, item.size)
                continue
            if item.pts <= last:
                raise DecodeError(
                    f"timestamps go back, from {last} to {item.pts}",
                    path=self.source.path,
                    hint="remux it, for example with ffmpeg -fflags +genpts",
                )
            last = item.pts
            send(pairing.add(item))
        send(pairing.finish(info.rate, info.time_base))
        return pairing

    def _read(self) -> None:
        try:
            for item in self.source.items():
                size = item.size if isinstance(item, av.Packet) else _frame_bytes(item.frame)
                self.inbox.put(item, size)
        except Broken:
            return
        # A thread hands over whatever went wrong; the caller's thread raises it.
        except BaseException as error:
            self.inbox.close(error)
        else:
            self.inbox.close()

    def _write(self, sink: FileSink) -> None:
        expected = self.source.expected_frames
        total = None if expected is None else expected * self.options.factor
        try:
            for item in self.outbox:
                if isinstance(item, Shown):
                    sink.write(item.frame, item.slot.pts, item.slot.duration)
                    if self.progress is not None:
                        self.progress(Progress(sink.written.frames, total, time.monotonic() - self.began))
                else:
                    sink.copy(item)
        # As in `_read`.
        except BaseException as error:
            self.failure = error
            self.outbox.break_off()


def _frame_bytes(frame: av.VideoFrame) -> int:
    return sum(plane.buffer_size for plane in frame.planes)
