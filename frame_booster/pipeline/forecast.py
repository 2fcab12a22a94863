"""The forecast of a run, made without a network and without writing anything (`--dry-run`).

The code of a run opens the input, decodes its first frame and starts the output in memory, so that errors and warnings
are the same as those of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from frame_booster.engine.choice import Work, choose_engine, usual_cost
from frame_booster.engine.expected import expected_network
from frame_booster.engine.memory_plan import make_plan
from frame_booster.errors import DecodeError, FrameBoosterError, InputError, as_known
from frame_booster.media.frames.planes import layout_of
from frame_booster.media.input.source import SourceFrame
from frame_booster.media.output.pictures import check_pictures
from frame_booster.options import BoostOptions
from frame_booster.pipeline.boost import opened_run
from frame_booster.pipeline.boundaries import Opening
from frame_booster.pipeline.destination import picture_encoder, picture_pattern
from frame_booster.pipeline.earlier_results import made_again
from frame_booster.pipeline.folder import FolderRun
from frame_booster.pipeline.opened_run import OpenedRun
from frame_booster.pipeline.outcome import FileOutcome
from frame_booster.pipeline.settings import options_rate
from frame_booster.pipeline.space import check_space, expected_size, free_space
from frame_booster.pipeline.speeds import Speed, conditions, known_speed

__all__ = ["Forecast", "forecast", "forecasts"]


@dataclass(frozen=True)
class Forecast:
    """The expected result of a run on an input."""

    input: str
    output: str
    outcome: str
    """planned, skipped or refused."""
    frames_in: int | None = None
    frames_out: int | None = None
    made: int | None = None
    """Number of interpolated frames if none is held; with a shutter, of all moments."""
    rate: Fraction | None = None
    """Average frame rate of the output, in frames per second."""
    duration: Fraction | None = None
    """Duration of the output in s."""
    width: int | None = None
    height: int | None = None
    container: str | None = None
    """FFmpeg's name of the container; None for images."""
    codec: str | None = None
    pix_fmt: str | None = None
    bytes: int | None = None
    """Estimated size of the output."""
    free: int | None = None
    """Free bytes on the disk of the output."""
    seconds: float | None = None
    """Estimated time of the run in s."""
    speed: str | None = None
    """Source of that estimate."""
    engine: str | None = None
    streams: list[dict[str, Any]] = field(default_factory=list)
    """What happens to each stream but the boosted one."""
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        """Returns the fields with fractions as text; only the first three and the error unless a run is planned."""
        facts = {k: str(v) if isinstance(v, Fraction) else v for k, v in asdict(self).items()}
        if self.error is None:
            del facts["error"], facts["exit_code"]
        if self.outcome == "planned":
            return facts
        return {k: v for k, v in facts.items() if k in ("input", "output", "outcome", "error", "exit_code")}


def forecast(
    source: str, output: str | None, options: BoostOptions, *, film: Path | None = None, alone: bool = True
) -> Forecast:
    """Returns what `boost.run` would do with these arguments; its errors become a forecast, too.

    Errors that only appear when the network is loaded are not detected, such as a GPU that does not work or wrong
    weights.

    Args:
      source, output, options, film: as in `boost.run`.
      alone: whether this is the only input. Several inputs share a network, so the engine is not chosen by the amount
        of work of a single one.
    """
    if source == "-":
        error = InputError("--dry-run cannot read standard input, which can be read only once", hint="use a file")
        return refused(source, output or "", error)
    try:
        with opened_run(source, output, options, _not_loaded, film=film, dry=True) as work:
            return _of(source, work, alone=alone)
    # All errors that a run could have, also unexpected ones.
    except Exception as error:
        known = as_known(error, source)
        return refused(source, output or "", known)


def forecasts(folder: FolderRun) -> Iterator[Forecast]:
    """Yields the forecast for each of several inputs in the order of a run, unreadable ones first."""
    for outcome in folder.outcomes:
        yield Forecast(outcome.input, "", "refused", error=outcome.error, exit_code=outcome.exit_code)
    for path in folder.files:
        target = folder.output_of(path)
        found = folder.left_alone(path, target)
        if isinstance(found, FileOutcome):
            yield Forecast(str(path), str(target), "skipped")
            continue
        options = folder.options if found is None else replace(folder.options, overwrite=True)
        made = forecast(str(path), str(target), options, film=folder.film_of(path), alone=False)
        yield made if found is None else replace(made, warnings=[made_again(found), *made.warnings])


def refused(source: str, output: str, error: FrameBoosterError) -> Forecast:
    """Returns the forecast of a run that would fail."""
    return Forecast(source, output, "refused", error=str(error), exit_code=error.exit_code)


def _not_loaded(_: BoostOptions) -> Any:
    raise AssertionError("a dry run has no use for a network")


def _of(name: str, work: OpenedRun, *, alone: bool) -> Forecast:
    source, options = work.source, work.options
    opening = _opening(work)
    pictures = None if work.format_name else picture_encoder(work.target, options)
    if pictures is not None:
        pix_fmt = check_pictures(picture_pattern(work.target, options), opening.frame, options.encoder)
        codec, warnings = pictures, work.left_out_of_pictures()
        streams = [{"index": s.index, "type": s.type, "becomes": "dropped"} for s in source.other_streams]
    else:
        trial = work.check_container(opening)
        codec, pix_fmt, warnings = trial.codec, trial.pix_fmt, trial.warnings
        streams = [asdict(fate) for fate in trial.streams]
    work.model.check()
    size = expected_size(source, options, work.format_name, pictures)
    close = check_space(work.target, size, twice=options.resume)
    rate = options_rate(options)
    shown = rate.expected_frames(source.expected_frames, source.info.rate)
    made = rate.interpolated_frames(source.expected_frames, source.info.rate)
    pixels = opening.frame.width * opening.frame.height
    engine = choose_engine(
        options.engine,
        model=options.model,
        device=options.device,
        precision=options.precision,
        provider=options.provider,
        work=Work(pixels, made) if alone and made is not None else None,
    )
    _check_network(work, engine, opening)
    seconds, speed = _time(options, engine, (opening.frame.width, opening.frame.height), made)
    return Forecast(
        input=name,
        output=str(work.target),
        outcome="planned",
        frames_in=source.expected_frames,
        frames_out=shown,
        made=made,
        rate=opening.timeline.rate,
        duration=None if shown is None or not opening.timeline.rate else shown / opening.timeline.rate,
        width=opening.frame.width,
        height=opening.frame.height,
        container=work.format_name or None,
        codec=codec,
        pix_fmt=pix_fmt,
        bytes=None if size is None else size.likely,
        free=free_space(work.target),
        seconds=seconds,
        speed=speed,
        engine=engine,
        streams=streams,
        warnings=[*source.report.warnings, *warnings, *([] if close is None else [close])],
    )


def _opening(work: OpenedRun) -> Opening:
    """Decodes the first frame of an input, as a job does."""
    source = work.source
    for item in source.items(packets=False):
        if isinstance(item, SourceFrame):
            timeline = options_rate(work.options).timeline(source.info.time_base, source.info.rate, item.pts)
            return Opening(item.frame, timeline, item.pts)
    raise DecodeError("no frame can be decoded", path=source.path)


def _check_network(work: OpenedRun, engine: str, opening: Opening) -> None:
    """Makes the checks of a run that precede the loading of its network.

    Raises:
      InputError, ModelError: a name is unknown, a device or precision is not available, there is too little memory, or
        a mask does not fit.
    """
    options, layout = work.options, layout_of(opening.frame)
    for device in options.device.split(","):
        network = expected_network(
            engine, options.model, device, options.precision, options.provider, options.max_device_memory
        )
        make_plan(
            layout,
            network,
            batch_size=options.batch_size,
            flow_scale=options.flow_scale,
            max_memory=options.max_memory,
            refuse=options.max_memory is not None,
        )
    if work.mask is not None:
        work.mask.fitted(opening.frame, layout, work.source.info.sample_aspect_ratio)


def _time(
    options: BoostOptions, engine: str, size: tuple[int, int], made: int | None
) -> tuple[float | None, str | None]:
    """Returns the estimated time of a run in s and the source of the estimate; None for both if unknown."""
    if made is None:
        return None, None
    measured = known_speed(conditions(options, engine), size)
    if measured is not None:
        how = "measured here" if measured.size == size else f"measured here at {measured.size[0]}x{measured.size[1]}"
        return _seconds(measured, made), how
    usual = usual_cost(engine, options.model, options.device, options.precision, options.provider)
    if usual is None:
        return None, None
    return round(usual.seconds(Work(size[0] * size[1], made)), 1), "not measured here; typical of a two-core CPU"


def _seconds(speed: Speed, made: int) -> float:
    return round(speed.start + speed.per_frame * made, 1)
