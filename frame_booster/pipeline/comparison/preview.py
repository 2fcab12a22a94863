"""`--preview`: writes a page with ten short parts of a video, boosted with the given options."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from frame_booster.engine.batch_interpolator import KeptMakers
from frame_booster.engine.choice import Work
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.errors import InputError
from frame_booster.media.input.open import open_source
from frame_booster.media.output.atomic import check_output
from frame_booster.media.paths import check_input, default_output, input_path, is_pipe, named, shortened
from frame_booster.options import BoostOptions, EncoderOptions, InputOptions
from frame_booster.pipeline.boost import load, opened_run
from frame_booster.pipeline.comparison.compare import MOST_BYTES, Page, page_text, save_page
from frame_booster.pipeline.comparison.doubt import doubt_function, measure_text
from frame_booster.pipeline.comparison.facts import clock, facts_of, length_of
from frame_booster.pipeline.comparison.in_step import Reading, can_start
from frame_booster.pipeline.comparison.page import page_named
from frame_booster.pipeline.comparison.places import Place, find_places
from frame_booster.pipeline.comparison.recording import INTERPOLATED, Clips, Recording
from frame_booster.pipeline.destination import picture_suffix
from frame_booster.pipeline.result import Result, result_of
from frame_booster.pipeline.settings import options_rate

_TOLD = (
    *("factor", "fps", "slow_motion", "shutter", "mask", "dedupe"),
    *("scene_threshold", "max_gap", "flow_scale", "weights"),
)
"""Options that affect the image, which the page lists."""


@dataclass(frozen=True)
class Preview:
    """Facts about a written preview."""

    page: Page
    places: list[Place]
    whole_seconds: float | None
    """Estimated time for the whole video in s; None if its length is unknown."""


def default_preview(path: Path) -> Path:
    """Returns the default path of a preview: `film.preview.html` beside `film.mp4`."""
    path = named(path)
    like = default_output(path, 2)
    name = path.stem if path.suffix and not path.is_dir() else path.name
    return like.with_name(shortened(name if "%" not in name else like.stem, ".preview.html"))


def preview(
    source: str,
    output: str | None,
    options: BoostOptions,
    tell: Callable[[Place, int, int], None] = lambda place, number, of: None,
    model: LoadedNetwork | None = None,
) -> Preview:
    """Writes a page with ten boosted parts of a video.

    Args:
      source: a file, or a folder or pattern of images.
      output: path of the page; None is `INPUT.preview.html` beside the input.
      options: options of the planned run; `start`, `end` and `duration` restrict the preview to a part.
      tell: called before each part is boosted, with the part, its number from 1, and the number of parts.
      model: a loaded model; None loads it.

    Raises:
      FrameBoosterError: the input cannot be read, the options are not supported, or the page cannot be written.
    """
    began = time.monotonic()
    check_input(source)
    path = input_path(source)
    if is_pipe(path):
        raise InputError("a pipe cannot be previewed, since it can be read only once", path=source, hint="use a file")
    target = default_preview(path) if output is None else page_named(output)
    check_output(path, target, overwrite=options.overwrite)
    with open_source(path, options.source) as opened:
        before = facts_of(opened)
        seekable, info, whole = can_start(opened), opened.info, length_of(opened)
    with open_source(path, options.source, **options.part) as opened:
        begin, end = opened.part
    begin, end = begin or Fraction(0), whole if end is None else end
    if end is None or end <= begin:
        raise InputError("has no known duration", path=path, hint="choose a part with --start and --duration")
    places = find_places(path, options.source, begin=begin, end=end, rate=info.rate, seekable=seekable)
    frames = None if info.rate is None else round((end - begin) * info.rate)
    expected = options_rate(options).expected_frames(frames, info.rate)
    work = None if expected is None or frames is None else Work(info.width * info.height, expected - frames)
    loaded = model or load(options, work)
    slower = Fraction(options.slow_motion or 1)
    results: list[Result] = []
    kept = KeptMakers()
    # On Windows an open file could not be removed, and that error would hide the actual one.
    with tempfile.TemporaryDirectory(prefix="frame-booster-", ignore_cleanup_errors=True) as folder:
        proxy = Path(folder) / "proxy.mp4"
        seconds = sum((place.length for place in places), Fraction(0)) * slower
        recording = Recording(proxy, MOST_BYTES, seconds)
        try:
            for number, place in enumerate(places):
                tell(place, number + 1, len(places))
                file = Path(folder) / f"{number}{default_output(path, 2).suffix}"
                results.append(_boosted(source, file, place, options, loaded, kept))
                with (
                    open_source(path, options.source, start=place.start, duration=place.length + 1) as first,
                    open_source(file, InputOptions(threads=options.source.threads)) as second,
                ):
                    after = facts_of(second)
                    title = clock(place.start)
                    recording.add(Clips(Reading(first), Reading(second), title, place.reason, None, slower))
                file.unlink()
            recorded = recording.finish()
        finally:
            recording.close()
        unsure = recording.candidates.ranked(doubt_function(options.model, options.device, loaded))
        whole_seconds = _estimate(results, expected)
        after = {"rate": after["rate"], "codec": after["codec"], "size": after["size"], "colour": after["colour"]}
        notes = [
            f"{len(places)} places of {clock(places[0].length)} each, without sound",
            "the time for the whole video is estimated from these places; each start takes extra time, so it tends to "
            "be too high",
        ]
        about = (
            ""
            if whole_seconds is None
            else f"; the whole video would take about {duration_text(whole_seconds)} on this machine"
        )
        text = page_text(
            title=f"Preview of {path.name}",
            heading=f"Preview of {path.name}",
            lead=f"{len(places)} places processed with the given options{about}",
            facts=(before, after),
            record=_record(results, options, whole_seconds),
            measure=measure_text(options.model, unsure),
            notes=[*notes, *recorded.notes],
            proxy=proxy,
            recorded=recorded,
            preview=True,
        )
        size = save_page(target, proxy, recorded, unsure, text, sources=[path], overwrite=options.overwrite)
    made = sum(kind == INTERPOLATED for kind in recorded.kinds)
    page = Page(target, len(recorded.times), made, size, round(time.monotonic() - began, 3), recorded.notes)
    return Preview(page, places, whole_seconds)


def _boosted(
    source: str, file: Path, place: Place, options: BoostOptions, model: LoadedNetwork, kept: KeptMakers
) -> Result:
    began = time.monotonic()
    if picture_suffix(options.output_format) is not None:
        # The part is encoded as video even if the run writes images, whose encoder options do not apply.
        options = replace(options, output_format=None, encoder=EncoderOptions())
    asked = replace(
        options,
        start=place.start,
        end=None,
        duration=place.length,
        # The loop is that of the whole video, not of the part.
        loop=False,
        overwrite=True,
        resume=False,
        keep_partial=False,
    )
    with opened_run(source, str(file), asked, model) as work:
        outcome = replace(work, kept=kept).to_file()
        return result_of(work.source, str(file), outcome, model, time.monotonic() - began)


def _estimate(results: list[Result], expected: int | None) -> float | None:
    """Returns the estimated time for the expected frames in s, without the first part, which includes compilation."""
    counted = results[1:] or results
    frames = sum(result.frames_out for result in counted)
    return None if expected is None or not frames else sum(r.seconds for r in counted) / frames * expected


def duration_text(seconds: float) -> str:
    """Returns an estimated time as text: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _record(results: list[Result], options: BoostOptions, whole_seconds: float | None) -> dict[str, Any]:
    first = results[0]
    record: dict[str, Any] = {
        "model": first.model,
        "engine": first.engine,
        "provider": first.provider,
        "device": first.device,
        "precision": first.precision,
        "seconds": round(sum(result.seconds for result in results), 1),
        "warnings": list(dict.fromkeys(text for result in results for text in result.warnings)),
    }
    for name in ("frames_in", "frames_out", "made", "held", "cuts", "gaps", "still", "repeats", "decode_errors"):
        record[name] = sum(getattr(result, name) for result in results)
    usual = BoostOptions()
    changed = {name: getattr(options, name) for name in _TOLD if getattr(options, name) != getattr(usual, name)}
    if whole_seconds is not None:
        record["whole"] = f"about {duration_text(whole_seconds)}"
    return {**record, "options": changed}
