"""One input, from reading to the renamed result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frame_booster.engine.device import limit_threads
from frame_booster.engine.model import Model
from frame_booster.errors import InputError, Interrupted
from frame_booster.media.input.container import index_comes_first
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import Resume, Source, SourceFrame
from frame_booster.media.output.atomic import check_output, partial_file, partial_folder
from frame_booster.media.output.file import FileSink, check_container
from frame_booster.media.output.pictures import SequenceSink
from frame_booster.media.output.sink import Sink, SinkOptions, check_rate, container_format, too_fast
from frame_booster.media.output.verify import verify, verify_pictures
from frame_booster.media.output.video_encoder import lone_encoder
from frame_booster.media.passthrough.streams import PassthroughOptions
from frame_booster.media.paths import (
    DEFAULT_PATTERN,
    check_input,
    default_output,
    is_pattern,
    is_pipe,
    is_sequence,
    output_path,
    shortened,
)
from frame_booster.options import BoostOptions, EncoderOptions, InputOptions
from frame_booster.pipeline.job import Job, Outcome, Progress
from frame_booster.pipeline.keywords import BoostKeywords
from frame_booster.pipeline.result import Result, result_of
from frame_booster.pipeline.resume import Segments, SegmentSink, fingerprint, join
from frame_booster.pipeline.segment_sink import Boundary, Opening
from frame_booster.pipeline.settings import JobSettings
from frame_booster.pipeline.timeline import RateChoice

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Progress", "Result", "boost", "load", "run"]


def boost(
    input: str | Path,
    output: str | Path | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
    **options: Unpack[BoostKeywords],
) -> Result:
    """Multiplies the frame rate of a video.

    Args:
      input: video file, folder or pattern of pictures, or "-" for standard input.
      output: what to write: a file, a folder ("frames/") or pattern of pictures, or "-" for standard output;
        None is `input.2x.mp4` beside `input.mp4`: with the suffix of the input where that holds all of it, else `.mkv`.
      progress: called after every frame written, from the thread of the writer.
      **options: fields of `BoostOptions` and `EncoderOptions` by their names, those of `InputOptions` with `input_`
        before them; all of them stand in `keywords.BoostKeywords`.

    Returns:
      What was done.

    Raises:
      FrameBoosterError: of one of its kinds; there is then no file under the output's name that was
        not there before.
    """
    return run(str(input), None if output is None else str(output), options_of(dict(options)), progress)


def options_of(keywords: dict[str, Any]) -> BoostOptions:
    """Returns the options that keywords of `boost` stand for.

    Raises:
      InputError: a keyword is not known, or a value is out of range.
    """
    unknown = set(keywords) - set(BoostKeywords.__annotations__)
    if unknown:
        raise InputError(f"unknown option: {', '.join(sorted(unknown))}")
    encoder = {f.name: keywords[f.name] for f in fields(EncoderOptions) if f.name in keywords}
    reading = {f.name: keywords[f"input_{f.name}"] for f in fields(InputOptions) if f"input_{f.name}" in keywords}
    own = {f.name: keywords[f.name] for f in fields(BoostOptions) if f.name in keywords}
    return BoostOptions(**own, encoder=EncoderOptions(**encoder), source=InputOptions(**reading))


def load(options: BoostOptions) -> Model:
    """Loads the model of a run, for any number of runs, on all its devices."""
    if options.threads is not None:
        limit_threads(options.threads)
    model, *peers = (
        Model(options.model, options.weights, device, options.precision) for device in options.device.split(",")
    )
    model.peers = tuple(peers)
    return model


def run(
    source_path: str,
    output: str | None,
    options: BoostOptions,
    progress: Callable[[Progress], None] | None = None,
    model: Model | None = None,
    stop: threading.Event | None = None,
    sharers: int = 1,
) -> Result:
    """As `boost`, with checked options, a model that may be loaded already, an event that interrupts, and how many runs
    there are at the same time, to share memory and cores."""
    began = time.monotonic()
    if options.threads is not None:
        options = replace(options, source=replace(options.source, threads=options.threads))
    check_input(source_path)
    path = Path(source_path)
    target = default_output(path, options.multiple) if output is None else output_path(output)
    pictures = not is_pipe(target) and is_sequence(target, output or "")
    if options.resume and (pictures or is_pipe(path) or is_pipe(target)):
        raise InputError("resuming needs a file to read and a file to write")
    with open_source(path, options.source, start=options.start, duration=options.duration) as source:
        format_name = ""
        if not pictures:
            check_output(path, target, overwrite=options.overwrite)
            format_name = container_format(target, options.output_format)
            rate = options_rate(options).timeline(source.info.time_base, source.info.rate, 0).rate
            if output is None and too_fast(format_name, rate):
                # Nobody has asked for the source's own container, which shows fewer frames a second.
                target = target.with_suffix(".mp4")
                check_output(path, target, overwrite=options.overwrite)
                format_name = container_format(target, options.output_format)
            check_rate(format_name, rate, target)
        model = model or load(options)
        work = _Run(source, target, format_name, model, options, progress, stop, sharers)
        if pictures:
            outcome = work.to_pictures()
        elif options.resume:
            outcome = work.in_segments()
        else:
            outcome = work.to_file()
        return result_of(source, str(target), outcome, model, time.monotonic() - began)


def options_rate(options: BoostOptions) -> RateChoice:
    """Returns how the output's rate follows from the source's."""
    return RateChoice(options.fps, options.multiple, options.slow_motion or 1)


@dataclass(frozen=True)
class _Run:
    """One opened input, a loaded model, and where the result goes."""

    source: Source
    target: Path
    format_name: str
    model: Model
    options: BoostOptions
    progress: Callable[[Progress], None] | None
    stop: threading.Event | None
    sharers: int

    def _job(self, open_sink: Callable[[Opening], Sink], after: Boundary | None = None) -> Job:
        options = self.options
        settings = JobSettings(
            rate=options_rate(options),
            scene_threshold=options.scene_threshold,
            max_gap=options.max_gap,
            dedupe=options.dedupe,
            batch_size=options.batch_size,
            flow_scale=options.flow_scale,
            max_memory=options.max_memory,
            keep_partial=options.keep_partial,
            segment=options.segment if options.resume else None,
        )
        return Job(self.source, self.model, settings, open_sink, self.progress, after, self.stop, self.sharers)

    def _sink_options(self, opening: Opening) -> SinkOptions:
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
                slower=options.slow_motion or 1,
                slow_audio=options.slow_audio,
            ),
            reproducible=options.resume,
            threads=options.threads,
            index_first=index_comes_first(self.source.path),
        )

    def to_file(self) -> Outcome:
        """Writes a file, or into a pipe."""
        target = self.target
        with partial_file(target, overwrite=self.options.overwrite) as partial:
            job = self._job(lambda opening: FileSink(partial, self.source, opening.frame, self._sink_options(opening)))
            try:
                outcome = job.run()
            except (Interrupted, KeyboardInterrupt) as error:
                if not job.kept_partial or is_pipe(target):
                    raise
                kept = target.with_name(shortened(target.stem, f".partial{target.suffix}"))
                partial.replace(kept)
                raise Interrupted("interrupted; what was done is kept", path=kept) from error
            if not is_pipe(target):
                time_base = outcome.timeline.time_base
                outcome.warnings.extend(verify(partial, self.format_name, outcome.written, time_base))
            return outcome

    def to_pictures(self) -> Outcome:
        """Writes a folder of numbered pictures."""
        source, target, options = self.source, self.target, self.options
        pattern = target.name if is_pattern(target) else DEFAULT_PATTERN
        with partial_folder(source.path, target, overwrite=options.overwrite) as partial:
            job = self._job(lambda opening: SequenceSink(partial, pattern, opening.frame, options.encoder))
            outcome = job.run()
            verify_pictures(partial, outcome.written)
            for stream in source.other_streams:
                outcome.warnings.append(
                    f"{stream.type} stream {stream.index} is left out: pictures hold no other streams"
                )
            return outcome

    def in_segments(self) -> Outcome:
        """Makes durable segments, going on where an earlier run was cut off, and joins them."""
        segments = Segments(self.target, fingerprint(self.source.path, self.model.weights, self.options))
        try:
            if not segments.complete:
                self._fill(segments)
            return self._join(segments)
        finally:
            segments.release()

    def _fill(self, segments: Segments) -> None:
        source = self.source

        def open_sink(opening: Opening) -> SegmentSink:
            settings = replace(self._sink_options(opening), index_first=False)
            # What the container refuses is to be known now, not when all segments are made.
            check_container(source, opening.frame, settings)
            return SegmentSink(
                segments,
                lambda begun: lone_encoder(opening.frame, source.info, settings, begun),
                lambda: job.counts,
                lambda: source.report.warnings,
            )

        job = self._job(open_sink, after=segments.after)
        try:
            job.run()
        except BaseException:
            segments.give_up()
            raise

    def _join(self, segments: Segments) -> Outcome:
        # Joining reads the source once more: its first frame for the tags, then its other streams.
        with self._again() as peek:
            first = next(item for item in peek.items(packets=False) if isinstance(item, SourceFrame))
            timeline = options_rate(self.options).timeline(peek.info.time_base, peek.info.rate, first.pts)
            opening = Opening(first.frame, timeline)
            beginning = Resume(first.pts, peek.shift)
        with (
            self._again() as again,
            partial_file(self.target, overwrite=self.options.overwrite) as partial,
        ):
            with FileSink(partial, again, opening.frame, self._sink_options(opening)) as sink:
                written = join(segments, sink, again.items(resume=beginning, video=False))
            lost = verify(partial, self.format_name, written, timeline.time_base)
        counts = segments.counts
        told = [text for text in segments.warnings if text not in self.source.report.warnings]
        segments.remove()
        return Outcome(counts, written, timeline, list(dict.fromkeys([*told, *sink.warnings, *lost])))

    def _again(self) -> Source:
        options = self.options
        return open_source(self.source.path, options.source, start=options.start, duration=options.duration)
