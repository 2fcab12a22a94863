"""A run with durable segments: makes them one after the other, continues an interrupted run, and joins them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from frame_booster.errors import DecodeError, Interrupted
from frame_booster.media.input.source import Resume
from frame_booster.media.output.atomic import partial_file
from frame_booster.media.output.file import FileSink
from frame_booster.pipeline.boundaries import Opening
from frame_booster.pipeline.job import Outcome
from frame_booster.pipeline.noted_network import NotedNetwork
from frame_booster.pipeline.opened_run import OpenedRun
from frame_booster.pipeline.resume import Segments, join
from frame_booster.pipeline.segment_sink import SegmentSink
from frame_booster.pipeline.stage_times import StageTimes, Stopwatch


def run_in_segments(run: OpenedRun) -> Outcome:
    """Makes durable segments, continuing an interrupted run, and joins them to the output.

    Raises:
      FrameBoosterError: any subclass; complete segments are kept for another run.
    """
    segments = Segments(run.target, run.fingerprint())
    stages = StageTimes()
    try:
        noted = NotedNetwork.in_manifest(segments.state)
        if noted is not None:
            run.model.load_as(noted)
        if not segments.complete:
            stages = _fill(run if noted is None else replace(run, options=noted.asked(run.options)), segments)
        outcome = join_segments(run, segments)
        joined = outcome.stages
        return replace(outcome, stages=replace(stages, join=joined.join, check=joined.check))
    except (Interrupted, KeyboardInterrupt) as error:
        if not segments.paths:
            raise
        why = error.message if isinstance(error, Interrupted) else "interrupted"
        kept = f"{len(segments.paths)} segments are kept; the same command continues"
        raise Interrupted(f"{why}; {kept}", path=run.target) from error
    finally:
        segments.release()


def _fill(run: OpenedRun, segments: Segments) -> StageTimes:
    def open_sink(opening: Opening) -> SegmentSink:
        run.check_container(opening)
        return run.segment_sink(opening, segments, lambda: job.counts)

    def network() -> dict[str, Any]:
        model = run.model.loaded
        return {} if model is None else NotedNetwork.of(model, job.plans).for_manifest()

    job = run.job(open_sink, after=segments.after)
    segments.facts = network
    try:
        job.run()
    except BaseException:
        segments.give_up()
        raise
    return job.stages


def join_segments(run: OpenedRun, segments: Segments) -> Outcome:
    """Writes the output from complete segments and the other streams of the input, and removes the segments.

    Raises:
      Interrupted: the run was interrupted; the segments are kept.
      DecodeError: the input is truncated, without `allow_truncated`; the result is kept under another name.
      OutputError: the output cannot be written, or the check has failed.
    """
    # Joining reads the source again: its first frame for the colour tags, then its other streams.
    opening, first = run.opening()
    timeline, beginning = opening.timeline, Resume(first.pts, first.shift)
    with (
        run.again() as again,
        partial_file(run.target, overwrite=run.options.overwrite) as partial,
    ):
        # Before the sink is opened, since this call adapts chapters and timecode to the selected part.
        packets = again.items(resume=beginning, video=False)
        with (
            Stopwatch() as joining,
            FileSink(partial, again, opening.frame, run.sink_options(opening)) as sink,
        ):
            written = join(segments, sink, packets, run.stop)
        with Stopwatch() as check:
            lost = run.verified(partial, written, timeline.time_base)
        try:
            lost += run.broken_off(segments.truncated, partial, run.target)
        except DecodeError:
            segments.remove()
            raise
    counts = segments.counts
    told = [text for text in segments.warnings if text not in run.source.report.warnings]
    segments.remove()
    stages = StageTimes(join=joining.seconds, check=check.seconds)
    return Outcome(counts, written, timeline, list(dict.fromkeys([*told, *sink.warnings, *lost])), stages)
