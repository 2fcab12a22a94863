"""The run over one input: opens it, interpolates, encodes, checks and renames the output."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from frame_booster.engine.choice import Work, load_network
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.device import check_process
from frame_booster.errors import InputError, Interrupted
from frame_booster.media.frames.mask import read_mask
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import Source
from frame_booster.media.output.atomic import check_output, left_by_killed_runs, make_folder
from frame_booster.media.output.picture_folder import check_folder_output
from frame_booster.media.output.sink import check_rate, container_format, too_fast
from frame_booster.media.paths import check_input, input_path, is_pipe
from frame_booster.options import BoostOptions
from frame_booster.pipeline.destination import destination, picture_encoder
from frame_booster.pipeline.job import Progress
from frame_booster.pipeline.keywords import BoostKeywords, options_of
from frame_booster.pipeline.lazy_model import LazyModel
from frame_booster.pipeline.opened_run import OpenedRun
from frame_booster.pipeline.result import Result, result_of
from frame_booster.pipeline.segmented_run import run_in_segments
from frame_booster.pipeline.settings import check_steps, options_rate
from frame_booster.pipeline.space import check_space, expected_size
from frame_booster.pipeline.speeds import Pace, conditions, note_speed
from frame_booster.pipeline.unused import unused_hardware, unused_options

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
      input: video file, folder or pattern of images, or "-" for standard input.
      output: a file, "-" for standard output, a pattern of images, or a folder ("out/"), which gets `input.2x.mp4`, or
        images if the input is images or `output_format` is an image format. None means `input.2x.mp4` beside the
        input, with its own suffix if that container can hold everything, else `.mkv`.
      progress: called after every written frame, in the writer's thread.
      **options: fields of `BoostOptions` and `EncoderOptions`, and those of `InputOptions` with the prefix `input_`;
        `keywords.BoostKeywords` lists them.

    Returns:
      Facts about the run.

    Raises:
      FrameBoosterError: the run failed; there is no new file under the output's name.
    """
    return run(str(input), None if output is None else str(output), options_of(dict(options)), progress)


def load(options: BoostOptions, work: Work | None = None) -> LoadedNetwork:
    """Loads the network for runs with these options, on all their devices.

    Args:
      options: options of the run.
      work: amount of work, by which the engine is chosen; None if it is large or unknown.
    """
    model, *peers = (
        load_network(
            options.model,
            options.weights,
            device,
            options.precision,
            engine=options.engine,
            provider=options.provider,
            threads=options.threads,
            work=work,
            device_memory=options.max_device_memory,
            cache=options.cache,
        )
        for device in options.device.split(",")
    )
    model.peers = tuple(peers)
    return model


def _work_of(source: Source, options: BoostOptions) -> Work | None:
    """Returns the amount of work for an input, None if its number of frames is unknown."""
    info = source.info
    frames = options_rate(options).interpolated_frames(source.expected_frames, info.rate)
    return None if frames is None else Work(info.width * info.height, frames)


def run(
    source_path: str,
    output: str | None,
    options: BoostOptions,
    progress: Callable[[Progress], None] | None = None,
    model: LoadedNetwork | Callable[[BoostOptions], LoadedNetwork] | None = None,
    stop: threading.Event | None = None,
    sharers: int = 1,
    film: Path | None = None,
) -> Result:
    """Does the work of `boost`, with arguments that runs over several inputs share.

    Args:
      source_path, output, progress: as for `boost`.
      options: checked options.
      model: a loaded network, or a function that loads it when it is needed.
      stop: interrupts the run when set.
      sharers: number of simultaneous runs, which share memory and cores.
      film: alternative output, used if the container of `output` was not chosen by the user and cannot represent the
        frame rate.
    """
    began = time.monotonic()
    check_process()
    pace = Pace()

    def told(news: Progress) -> None:
        pace.update(news)
        if progress is not None:
            progress(news)

    with opened_run(source_path, output, options, model, told, stop, sharers, film=film) as work:
        try:
            if not work.format_name:
                outcome = work.to_pictures()
            elif options.resume:
                outcome = run_in_segments(work)
            else:
                outcome = work.to_file()
        except Interrupted as error:
            if error.path is not None:
                raise
            left = "the output in the pipe is incomplete" if is_pipe(work.target) else "nothing was written"
            raise Interrupted(f"{error.message}; {left}") from error
        facts = work.model.facts
        for text in unused_hardware(options, ",".join(one.device for one in (facts, *facts.peers))):
            work.source.report.warn(text)
        result = result_of(work.source, str(work.target), outcome, facts, time.monotonic() - began)
        info = work.source.info
        made = result.made * options_rate(options).samples
        speed = pace.speed(made, result.frames_out, (info.width, info.height))
        # Runs that share a machine are slower than a single one, so their speed is not recorded.
        if speed is not None and sharers == 1 and options.cache:
            note_speed(conditions(options, result.engine), speed)
        return result


@contextmanager
def opened_run(
    source_path: str,
    output: str | None,
    options: BoostOptions,
    model: LoadedNetwork | Callable[[BoostOptions], LoadedNetwork] | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    sharers: int = 1,
    *,
    film: Path | None = None,
    dry: bool = False,
) -> Iterator[OpenedRun]:
    """Opens an input, checks that its output can be written, and yields the run; arguments as for `run`.

    `OpenedRun.format_name` is empty if the output is images. A dry run creates no folder, and does not fail if a folder
    is still to be created or space is short.
    """
    if options.threads is not None:
        options = replace(options, source=replace(options.source, threads=options.threads))
    check_input(source_path)
    path = input_path(source_path)
    goes_to = destination(path, output, options)
    target, pictures = goes_to.path, goes_to.pictures
    if options.resume and (pictures or is_pipe(path) or is_pipe(target)):
        raise InputError("--resume needs a file as input and a file as output")
    mask = None if options.mask is None else read_mask(Path(options.mask))
    with open_source(path, options.source, **options.part) as source:
        if goes_to.folder is not None and not dry:
            make_folder(goes_to.folder)
        format_name = ""
        if pictures:
            check_folder_output(path, target, overwrite=options.overwrite, folder_made=dry)
        else:
            check_output(path, target, overwrite=options.overwrite, folder_made=dry)
            format_name = container_format(target, options.output_format)
            rate = options_rate(options).timeline(source.info.time_base, source.info.rate, 0).rate
            film = film if goes_to.named else target.with_suffix(".mp4")
            if film is not None and too_fast(format_name, rate):
                # The user did not choose this container, whose times are too coarse for the frame rate.
                target = film
                check_output(path, target, overwrite=options.overwrite, folder_made=dry)
                format_name = container_format(target, options.output_format)
            check_rate(format_name, rate, target)
        if not dry:
            size = expected_size(source, options, format_name, picture_encoder(target, options) if pictures else None)
            close = check_space(target, size, twice=options.resume)
            if close is not None:
                source.report.warn(close)
        check_steps(options, source.info.rate)
        for left in [] if is_pipe(target) else left_by_killed_runs(target.parent if pictures else target, time.time()):
            source.report.warn(
                f"{left} is left from an earlier run that was killed; delete it unless a run is writing it"
            )
        for text in unused_options(options):
            source.report.warn(text)
        lazy = LazyModel(options, model or (lambda asked: load(asked, _work_of(source, asked))))
        yield OpenedRun(source, target, format_name, lazy, options, progress, stop, sharers, mask=mask)
