"""A run with an open input: writes its result to a file, a pipe, images or segments.

Each method starts a job with a sink, checks the output, and decides what happens to a partial output if the run was
interrupted or the input is truncated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from frame_booster.engine.batch_interpolator import KeptMakers
from frame_booster.engine.memory_plan import Plan
from frame_booster.errors import DecodeError, InputError, Interrupted, OutputError
from frame_booster.media.frames.mask import Mask
from frame_booster.media.input.container import index_comes_first
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import Resume, Source, SourceFrame
from frame_booster.media.output.atomic import keep_partial, partial_file
from frame_booster.media.output.file import FileSink
from frame_booster.media.output.lone_encoder import lone_encoder
from frame_booster.media.output.picture_folder import keep_partial_folder, partial_folder
from frame_booster.media.output.pictures import SequenceSink
from frame_booster.media.output.sink import Sink, SinkOptions, Written
from frame_booster.media.output.trial import Trial, check_container
from frame_booster.media.output.verify import verify, verify_pictures
from frame_booster.media.passthrough.options import PassthroughOptions
from frame_booster.media.paths import is_pipe
from frame_booster.options import BoostOptions
from frame_booster.pipeline.boundaries import Boundary, Opening
from frame_booster.pipeline.destination import picture_pattern
from frame_booster.pipeline.fingerprint import fingerprint
from frame_booster.pipeline.job import Job, Outcome, Progress
from frame_booster.pipeline.lazy_model import LazyModel
from frame_booster.pipeline.pairing import Counts
from frame_booster.pipeline.segment_sink import SegmentSink, SegmentStore
from frame_booster.pipeline.settings import JobSettings, options_rate
from frame_booster.pipeline.stage_times import Stopwatch


@dataclass(frozen=True)
class OpenedRun:
    """An open input, a model and a destination."""

    source: Source
    target: Path
    format_name: str
    model: LazyModel
    options: BoostOptions
    progress: Callable[[Progress], None] | None
    stop: threading.Event | None
    sharers: int
    kept: KeptMakers | None = None
    """Makers of earlier runs of the model."""
    mask: Mask | None = None
    """Area of each frame that is held."""

    def job(self, open_sink: Callable[[Opening], Sink], after: Boundary | None = None, *, lone: bool = False) -> Job:
        """Returns a job that writes all frames to a sink, or those after a boundary, or of a lone segment."""
        options = self.options
        settings = JobSettings(
            rate=options_rate(options),
            scene_threshold=options.scene_threshold,
            max_gap=options.max_gap,
            dedupe=options.dedupe,
            loop=options.loop,
            mask=self.mask,
            batch_size=options.batch_size,
            flow_scale=options.flow_scale,
            max_memory=options.max_memory,
            # Segments are kept anyway. The next run would take a segment that was completed early for a whole one.
            keep_partial=options.keep_partial and not options.resume,
            segment=options.segment_length if options.resume else None,
            lone_segment=lone,
            side_data=not self.format_name,
        )
        return Job(
            self.source,
            self.model,
            settings,
            open_sink,
            self.progress,
            after,
            self.stop,
            self.sharers,
            self.kept,
            self._first_again,
        )

    def _first_again(self) -> SourceFrame:
        with self.again() as peek:
            return next(item for item in peek.items(packets=False) if isinstance(item, SourceFrame))

    def sink_options(self, opening: Opening) -> SinkOptions:
        """Returns the options of the sink for the whole output."""
        options = self.options
        return SinkOptions(
            name=self.target,
            format=self.format_name,
            time_base=opening.timeline.time_base,
            rate=opening.timeline.rate,
            encoder=options.encoder,
            passthrough=PassthroughOptions(
                allow_drop=options.allow_drop,
                strict=options.source.strict,
                audio=options.audio,
                audio_codec=options.audio_codec,
                audio_bitrate=options.audio_bitrate,
                slower=options.slow_motion or Fraction(1),
                slow_audio=options.slow_audio,
            ),
            reproducible=options.resume,
            threads=options.threads,
            index_first=index_comes_first(self.source.path),
        )

    def to_file(self) -> Outcome:
        """Writes a file or a pipe.

        Raises:
          FrameBoosterError: any subclass; an InputError if the output is images.
        """
        target = self.target
        if not self.format_name:
            raise InputError("images cannot be written into one file", path=target, hint="remove the output format")
        with partial_file(target, overwrite=self.options.overwrite) as partial:
            job = self.job(lambda opening: FileSink(partial, self.source, opening.frame, self.sink_options(opening)))
            try:
                outcome = job.run()
            except (Interrupted, KeyboardInterrupt) as error:
                if not job.kept_partial or is_pipe(target):
                    raise
                kept = keep_partial(partial, target, overwrite=self.options.overwrite)
                raise Interrupted("interrupted; the finished part is kept here", path=kept) from error
            if not is_pipe(target):
                time_base = outcome.timeline.time_base
                with Stopwatch() as check:
                    outcome.warnings.extend(self.verified(partial, outcome.written, time_base))
                outcome = replace(outcome, stages=replace(outcome.stages, check=check.seconds))
            outcome.warnings.extend(self.broken_off(self.source.report.truncated, partial, target))
            return outcome

    def verified(self, partial: Path, written: Written, time_base: Fraction) -> list[str]:
        """Checks a result before it gets its name, and returns warnings; see `verify`.

        Raises:
          OutputError: something is missing; its path is the final name of the result.
          Interrupted: the run was stopped.
        """
        try:
            return verify(partial, self.format_name, written, time_base, self.stop)
        except OutputError as error:
            left = "the finished segments are kept" if self.options.resume else "nothing was written"
            hint = f"{left}; try another container, such as .mkv or .nut"
            raise OutputError(error.message, path=self.target, hint=error.hint or hint) from error

    def broken_off(self, truncated: str | None, partial: Path, target: Path) -> list[str]:
        """Decides what happens to the result of a truncated input.

        Args:
          truncated: description of the truncation; None if the input is complete.
          partial: the result, complete up to the end of the input, or the folder of its images.
          target: final name of the result.

        Returns:
          Warnings.

        Raises:
          DecodeError: the input is truncated, without `allow_truncated`; the result is kept under another name, unless
            it went to a pipe.
        """
        if truncated is None:
            return []
        if self.options.allow_truncated:
            return [f"{truncated}; the output ends there, too"]
        if is_pipe(target):
            raise DecodeError(truncated, path=self.source.path, hint="use the complete file, or --allow-truncated")
        if partial.is_dir():
            kept = keep_partial_folder(partial, target)
        else:
            kept = keep_partial(partial, target, overwrite=self.options.overwrite)
        raise DecodeError(
            f"{truncated}; the output so far is kept as {kept}",
            path=self.source.path,
            hint="use the complete file, or --allow-truncated to accept this one",
        )

    def to_pictures(self) -> Outcome:
        """Writes a folder of numbered images."""
        source, target, options = self.source, self.target, self.options
        pattern = picture_pattern(target, options)
        with partial_folder(source.path, target, overwrite=options.overwrite) as partial:
            job = self.job(lambda opening: SequenceSink(partial, pattern, opening.frame, options.encoder))
            try:
                outcome = job.run()
            except (Interrupted, KeyboardInterrupt) as error:
                if not job.kept_partial:
                    raise
                kept = keep_partial_folder(partial, target)
                raise Interrupted("interrupted; the finished part is kept here", path=kept) from error
            with Stopwatch() as check:
                verify_pictures(partial, outcome.written)
            outcome = replace(outcome, stages=replace(outcome.stages, check=check.seconds))
            outcome.warnings.extend(self.broken_off(source.report.truncated, partial, target))
            outcome.warnings.extend(self.left_out_of_pictures())
            return outcome

    def left_out_of_pictures(self) -> list[str]:
        """Returns a warning for each other stream and for a pixel aspect ratio, which images do not hold."""
        shape = self.source.info.sample_aspect_ratio
        streams = [
            f"{stream.type} stream {stream.index} is dropped: images hold no other streams"
            for stream in self.source.other_streams
        ]
        if shape is not None and shape != 1:
            ratio = f"{shape.numerator}:{shape.denominator}"
            streams.append(f"the pixel aspect ratio ({ratio}) is lost: images are shown with square pixels")
        return streams

    def fingerprint(self) -> str:
        """Returns the fingerprint that identifies segments of this run."""
        return fingerprint(self.source.path, self.model.weights, self.options, self.mask)

    def check_container(self, opening: Opening) -> Trial:
        """Tries the output in memory and returns facts about it.

        A run with segments calls this first, so that it does not fail only after all segments are made.

        Raises:
          EncodeError: the container or the encoder does not support the output.
        """
        return check_container(self.source, opening.frame, replace(self.sink_options(opening), index_first=False))

    def segment_sink(
        self, opening: Opening, store: SegmentStore, counts: Callable[[], Counts], *, lone: bool = False
    ) -> SegmentSink:
        """Returns a sink that encodes into segments; arguments as in `SegmentSink`."""
        source, settings = self.source, self.sink_options(opening)
        return SegmentSink(
            store,
            lambda begun: lone_encoder(opening.frame, source.info, settings, begun),
            counts,
            lambda: source.report,
            lone=lone,
        )

    def lone_segment(
        self, store: SegmentStore, after: Boundary | None, opened: Callable[[Opening], None]
    ) -> tuple[Plan, ...]:
        """Makes one segment, up to the start of the next one or the end of the input.

        Args:
          store: stores the segment.
          after: boundary; the segment starts at the first frame at or after it. None is the start of the input.
          opened: called with the first frame before any work; may raise.

        Returns:
          The plan of the network on each device.
        """

        def open_sink(opening: Opening) -> SegmentSink:
            opened(opening)
            return self.segment_sink(opening, store, lambda: job.counts, lone=True)

        job = self.job(open_sink, after=after, lone=True)
        job.run()
        return tuple(job.plans)

    def opening(self) -> tuple[Opening, Resume]:
        """Returns the first frame of the input, and the position and settings for reading from it."""
        with self.again() as peek:
            first = next(item for item in peek.items(packets=False) if isinstance(item, SourceFrame))
            timeline = options_rate(self.options).timeline(peek.info.time_base, peek.info.rate, first.pts)
            return Opening(first.frame, timeline, first.pts), Resume(first.pts, peek.shift, peek.format, peek.fields)

    def again(self) -> Source:
        """Opens the input a second time."""
        options = self.options
        return open_source(self.source.path, options.source, **options.part)
