"""One input, from reading to the renamed result."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from frame_booster.engine.device import limit_threads
from frame_booster.engine.model import Model
from frame_booster.errors import InputError, Interrupted
from frame_booster.media.input.container import index_comes_first
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import Resume, Source, SourceFrame
from frame_booster.media.output.atomic import check_output, partial_file, partial_folder
from frame_booster.media.output.file import FileSink, check_container
from frame_booster.media.output.pictures import SequenceSink
from frame_booster.media.output.sink import SinkOptions, check_rate, container_format
from frame_booster.media.output.verify import verify, verify_pictures
from frame_booster.media.output.video_encoder import lone_encoder
from frame_booster.media.passthrough.streams import PassthroughOptions
from frame_booster.media.paths import DEFAULT_PATTERN, default_output, is_pattern, is_pipe, is_sequence, output_path
from frame_booster.options import BoostOptions, EncoderOptions, InputOptions
from frame_booster.pipeline.boundary import Opening
from frame_booster.pipeline.job import Job, Outcome, Progress, timeline_of
from frame_booster.pipeline.resume import Segments, SegmentSink, fingerprint, join

__all__ = ["Progress", "Result", "boost", "load", "run"]


StartJob = Callable[..., Job]
"""`Job` of this run, but for `open_sink` and `after`."""


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
    repeats: int
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
      input: video file, folder or pattern of pictures, or "-" for standard input.
      output: what to write: a file, a folder ("frames/") or pattern of pictures, or "-" for standard output;
        None is `input.2x.mp4` beside the input.
      progress: called after every frame written, from the thread of the writer.
      **options: fields of `BoostOptions`, of `EncoderOptions` (codec, crf, preset, pix_fmt, options) and, with
        `input_` before them, of `InputOptions` (input_format, input_size, input_rate, ...).

    Returns:
      What was done.

    Raises:
      FrameBoosterError: of one of its kinds; there is then no file under the output's name that was
        not there before.
    """
    encoder = {k: options.pop(k) for k in EncoderOptions.__dataclass_fields__ if k in options}
    source = {k: options.pop(f"input_{k}") for k in InputOptions.__dataclass_fields__ if f"input_{k}" in options}
    unknown = set(options) - {f.name for f in fields(BoostOptions)}
    if unknown:
        raise InputError(f"unknown option: {', '.join(sorted(unknown))}")
    if encoder:
        options["encoder"] = EncoderOptions(**encoder)
    if source:
        options["source"] = InputOptions(**source)
    return run(str(input), None if output is None else str(output), BoostOptions(**options), progress)


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
    path = Path(source_path)
    target = default_output(path, options.multiple) if output is None else output_path(output)
    pictures = not is_pipe(target) and is_sequence(target, output or "")
    if options.resume and (pictures or is_pipe(path) or is_pipe(target)):
        raise InputError("resuming needs a file to read and a file to write")
    with open_source(path, options.source, start=options.start, duration=options.duration) as source:
        if not pictures:
            check_output(path, target, overwrite=options.overwrite)
            format_name = container_format(target, options.output_format)
            check_rate(format_name, timeline_of(options, source, 0).rate, target)
        model = model or load(options)
        start = functools.partial(Job, source, model, options, progress=progress, stop=stop, sharers=sharers)
        if pictures:
            outcome = _to_pictures(source, target, options, start)
        elif options.resume:
            outcome = _in_segments(source, target, format_name, model, options, start)
        else:
            outcome = _to_file(source, target, format_name, options, start)
        return _result(source, str(target), outcome, model, time.monotonic() - began)


def _result(source: Source, output: str, outcome: Outcome, model: Model, seconds: float) -> Result:
    counts, written, timeline = outcome.counts, outcome.written, outcome.timeline
    return Result(
        input=str(source.path),
        output=output,
        frames_in=counts.source,
        frames_out=written.frames,
        made=counts.made,
        held=counts.held,
        cuts=counts.cuts,
        gaps=counts.gaps,
        still=counts.still,
        repeats=counts.repeats,
        duration=(written.end_pts - (written.first_pts or 0)) * timeline.time_base,
        rate=timeline.rate,
        decode_errors=source.report.decode_errors,
        seconds=round(seconds, 3),
        model=model.name,
        device=",".join(m.device for m in (model, *model.peers)),
        precision=model.precision,
        warnings=[*source.report.warnings, *outcome.warnings],
    )


def _sink_options(
    source: Source, target: Path, format_name: str, opening: Opening, options: BoostOptions
) -> SinkOptions:
    return SinkOptions(
        name=target,
        format=format_name,
        time_base=opening.timeline.time_base,
        rate=opening.timeline.rate,
        encoder=options.encoder,
        passthrough=PassthroughOptions(options.allow_drop, options.slow_motion or 1, options.slow_audio),
        reproducible=options.resume,
        threads=options.threads,
        index_first=index_comes_first(source.path),
    )


def _to_file(
    source: Source,
    target: Path,
    format_name: str,
    options: BoostOptions,
    start: StartJob,
) -> Outcome:
    with partial_file(target, overwrite=options.overwrite) as partial:

        def open_sink(opening: Opening) -> FileSink:
            return FileSink(
                partial, source, opening.frame, _sink_options(source, target, format_name, opening, options)
            )

        job = start(open_sink)
        try:
            outcome = job.run()
        except (Interrupted, KeyboardInterrupt) as error:
            if not job.kept_partial or is_pipe(target):
                raise
            kept = target.with_name(f"{target.stem}.partial{target.suffix}")
            partial.replace(kept)
            raise Interrupted("interrupted; what was done is kept", path=kept) from error
        if not is_pipe(target):
            outcome.warnings.extend(verify(partial, format_name, outcome.written, outcome.timeline.time_base))
        return outcome


def _to_pictures(
    source: Source,
    target: Path,
    options: BoostOptions,
    start: StartJob,
) -> Outcome:
    pattern = target.name if is_pattern(target) else DEFAULT_PATTERN
    with partial_folder(source.path, target, overwrite=options.overwrite) as partial:

        def open_sink(opening: Opening) -> SequenceSink:
            return SequenceSink(partial, pattern, opening.frame, options.encoder)

        outcome = start(open_sink).run()
        verify_pictures(partial, outcome.written)
        for stream in source.other_streams:
            outcome.warnings.append(f"{stream.type} stream {stream.index} is left out: pictures hold no other streams")
        return outcome


def _in_segments(
    source: Source,
    target: Path,
    format_name: str,
    model: Model,
    options: BoostOptions,
    start: StartJob,
) -> Outcome:
    segments = Segments(target, fingerprint(source.path, model.weights, options))
    try:
        return _fill_and_join(segments, source, target, format_name, options, start)
    finally:
        segments.release()


def _fill_and_join(
    segments: Segments, source: Source, target: Path, format_name: str, options: BoostOptions, start: StartJob
) -> Outcome:
    if not segments.complete:

        def open_sink(opening: Opening) -> SegmentSink:
            settings = replace(_sink_options(source, target, format_name, opening, options), index_first=False)
            # What the container refuses is to be known now, not when all segments are made.
            check_container(source, opening.frame, settings)
            return SegmentSink(
                segments,
                lambda begun: lone_encoder(opening.frame, source.info, settings, begun),
                lambda: job.counts,
                lambda: source.report.warnings,
            )

        job = start(open_sink, after=segments.after)
        try:
            job.run()
        except BaseException:
            segments.give_up()
            raise
    # Joining reads the source once more: its first frame for the tags, then its other streams.
    with open_source(source.path, options.source, start=options.start, duration=options.duration) as peek:
        first = next(item for item in peek.items(packets=False) if isinstance(item, SourceFrame))
        opening = Opening(first.frame, timeline_of(options, peek, first.pts))
        beginning = Resume(first.pts, peek.shift)
    with (
        open_source(source.path, options.source, start=options.start, duration=options.duration) as again,
        partial_file(target, overwrite=options.overwrite) as partial,
    ):
        settings = _sink_options(source, target, format_name, opening, options)
        with FileSink(partial, again, opening.frame, settings) as sink:
            written = join(segments, sink, again.items(resume=beginning, video=False))
        lost = verify(partial, format_name, written, opening.timeline.time_base)
    counts = segments.counts
    told = [text for text in segments.warnings if text not in source.report.warnings]
    segments.remove()
    return Outcome(counts, written, opening.timeline, list(dict.fromkeys([*told, *sink.warnings, *lost])))
