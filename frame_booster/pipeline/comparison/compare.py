"""`compare`: writes a page that compares a finished boosted video with its source."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import Source
from frame_booster.media.output.atomic import check_output, partial_file
from frame_booster.media.output.refusals import writing
from frame_booster.media.paths import check_input, input_path, is_pipe, named, shortened
from frame_booster.options import BoostOptions, InputOptions, Position
from frame_booster.pipeline.comparison.doubt import doubt_function, measure_text
from frame_booster.pipeline.comparison.facts import (
    clock,
    facts_of,
    length_of,
    megabytes,
    record_beside,
    record_for,
    shown_record,
)
from frame_booster.pipeline.comparison.in_step import Reading, can_start
from frame_booster.pipeline.comparison.page import PageText, page_named, write_page
from frame_booster.pipeline.comparison.part import ComparedPart, compared_part
from frame_booster.pipeline.comparison.recording import HELD, INTERPOLATED, Clips, Recorded, Recording
from frame_booster.pipeline.comparison.uncertainty import Candidate
from frame_booster.pipeline.report import read_report

USUAL_S = Fraction(60)
"""Length of the part that is shown by default, in s of the boosted video."""
MOST_S = Fraction(600)
"""Limit for the length of the page's video, in s."""
MOST_BYTES = 60_000_000
"""Limit for the size of the page's video; as text in the page it is a third larger."""


@dataclass(frozen=True)
class CompareOptions:
    """Options of a comparison."""

    start: Position | None = None
    """Start of the part in the source: a time in s, or a timecode of the source."""
    end: Position | None = None
    """End of the part in the source, instead of a duration."""
    duration: Position | None = None
    """Duration of the part in s of the source, or as a timecode."""
    offset: Position = Fraction(0)
    """Start of the boosted video in the source, in the same form as `start`."""
    report: Path | None = None
    """Report of the run; None searches for it beside the boosted video."""
    model: str | None = None
    """Network that measures doubt, or `doubt.PICTURES`; None is that of the report, else the default."""
    device: str = "auto"
    overwrite: bool = False


@dataclass(frozen=True)
class Page:
    """Facts about a written page."""

    path: Path
    frames: int
    interpolated: int
    size: int
    """Size in bytes."""
    seconds: float
    """Time that it took, in s."""
    notes: list[str]


Tell = Callable[[int, "int | None"], None]
"""Called with the number of processed frames and their total, None if unknown."""


def default_page(after: Path) -> Path:
    """Returns the default path of the page: `film.2x.compare.html` beside `film.2x.mp4`."""
    after = named(after)
    return after.with_name(shortened(after.stem, ".compare.html"))


def slower_by(before: Fraction | None, after: Fraction | None) -> Fraction:
    """Returns the slow-motion factor of a boosted video; 1 unless the durations clearly show slow motion.

    Args:
      before, after: durations of the source and the boosted video in s; None is unknown.
    """
    if not before or not after or after / before < Fraction(3, 2):
        return Fraction(1)
    ratio = after / before
    whole = Fraction(round(ratio * 2), 2)
    # The durations may differ by a fraction of a second at the ends.
    return whole if abs(ratio - whole) * before < max(Fraction(1, 2), whole * before / 50) else Fraction(1)


def compare(
    before: str,
    after: str,
    output: str | None = None,
    options: CompareOptions | None = None,
    tell: Tell = lambda frames, total: None,
) -> Page:
    """Writes a page that shows a video before and after boosting.

    Args:
      before: the source: a file, or a folder or pattern of images.
      after: the boosted video.
      output: path of the page; None is `AFTER.compare.html` beside `after`.
      options: options of the comparison.
      tell: called with the progress.

    Raises:
      FrameBoosterError: an input cannot be read, the second was not made from the first, or the page cannot be written.
    """
    began = time.monotonic()
    options = options or CompareOptions()
    paths = []
    for text in (before, after):
        check_input(text)
        paths.append(input_path(text))
        if is_pipe(paths[-1]):
            raise InputError("a pipe cannot be compared, since the video is read more than once", path=text)
    target = default_page(paths[1]) if output is None else page_named(output)
    for path in paths:
        check_output(path, target, overwrite=options.overwrite)
    record = _record(options.report, paths[1])
    part = compared_part(paths[0], options.start, options.end, options.duration, options.offset)
    with open_source(paths[0], InputOptions()) as first, open_source(paths[1], InputOptions()) as second:
        lengths = length_of(first), length_of(second)
        both = facts_of(first), facts_of(second)
        seekable = can_start(first), can_start(second)
        rate = second.info.rate
    slower = Fraction(1) if part.offset else slower_by(*lengths)
    begin, start, duration, notes = _span(part, lengths, slower)
    # With a variable frame rate the duration is an estimate, so a video that is shown whole is read to its end.
    limit = None if part.duration is None and not notes else duration
    origin = _first_frame(paths[0], part.offset) if part.offset else Fraction(0)
    total = None if rate is None else round(duration * slower * rate)
    # On Windows an open file could not be removed, and that error would hide the actual one.
    with tempfile.TemporaryDirectory(prefix="frame-booster-", ignore_cleanup_errors=True) as folder:
        proxy = Path(folder) / "proxy.mp4"
        recording = Recording(proxy, MOST_BYTES, duration * slower, lambda frames: tell(frames, total))
        try:
            with (
                _opened(paths[0], begin, limit and limit + 1, seekable[0]) as first,
                _opened(paths[1], start * slower, limit and limit * slower, seekable[1]) as second,
            ):
                clips = Clips(
                    before=Reading(first, not_before=origin, until=limit and begin + limit + 1),
                    after=Reading(second, not_before=start * slower, until=limit and (start + limit) * slower),
                    title="",
                    reason="",
                    begin=origin,
                    slower=slower,
                    sound=True,
                )
                recording.add(clips)
                recorded = recording.finish()
        finally:
            recording.close()
        _check_interpolated(recorded, paths[1])
        model = options.model or str((record or {}).get("model") or BoostOptions().model)
        unsure = recording.candidates.ranked(doubt_function(model, options.device))
        notes = [*notes, *recorded.notes, *_lengths_differ(lengths, slower, part), *_slow(slower)]
        name = paths[1].name
        around = page_text(
            title=f"{paths[0].name} and {name}",
            heading=f"Before and after: {paths[0].stem}",
            lead=f"{paths[0].name} beside {name}",
            facts=both,
            record=record,
            measure=measure_text(model, unsure),
            notes=notes,
            proxy=proxy,
            recorded=recorded,
        )
        size = save_page(target, proxy, recorded, unsure, around, sources=paths, overwrite=options.overwrite)
    made = sum(kind == INTERPOLATED for kind in recorded.kinds)
    return Page(target, len(recorded.times), made, size, round(time.monotonic() - began, 3), notes)


def _record(report: Path | None, after: Path) -> dict[str, Any] | None:
    if report is None:
        return record_beside(after)
    record = record_for(read_report(report), after)
    if record is None:
        raise InputError(f"the report does not contain {after.name}", path=report, hint="use the report of its run")
    return record


def _span(
    part: ComparedPart, lengths: tuple[Fraction | None, Fraction | None], slower: Fraction
) -> tuple[Fraction, Fraction, Fraction, list[str]]:
    """Returns the start in the source, the start after the offset, the duration, all in s of the source, and notes."""
    start, duration, notes = part.start, part.duration, []
    if duration is None:
        duration = USUAL_S / slower
        length = min((one for one in (lengths[0], lengths[1] and lengths[1] / slower) if one), default=None)
        if length is None or length - (start - part.offset) > duration:
            whole = "" if lengths[0] is None else f" of {clock(lengths[0])}"
            notes.append(
                f"only the part from {clock(start)} to {clock(start + duration)}{whole} is shown; "
                "choose another with --start and --duration"
            )
        else:
            duration = max(length - (start - part.offset), Fraction(1))
    if duration * slower > MOST_S:
        raise InputError(f"a page can show at most {int(MOST_S)} s", hint="use a shorter --duration")
    return start, start - part.offset, duration, notes


def _opened(path: Path, start: Fraction, duration: Fraction | None, seekable: bool) -> Source:
    if seekable and (start > 0 or duration is not None):
        return open_source(path, InputOptions(), start=start, duration=duration)
    return open_source(path, InputOptions())


def _first_frame(path: Path, start: Fraction) -> Fraction:
    """Returns the time in s of the first frame at or after a time, at which a boosted part starts."""
    with open_source(path, InputOptions()) as source:
        seekable = can_start(source)
    with _opened(path, start, Fraction(10), seekable) as source:
        first = next(Reading(source, not_before=start).frames(), None)
    if first is None:
        raise InputError("has no frame in the selected part", path=path)
    return first.time


def _check_interpolated(recorded: Recorded, after: Path) -> None:
    if not set(recorded.kinds) & {INTERPOLATED, HELD}:
        raise InputError(
            "has no frames between those of the first video, so it is not its boosted version",
            path=after,
            hint="give the source first: compare BEFORE AFTER",
        )


def _lengths_differ(
    lengths: tuple[Fraction | None, Fraction | None], slower: Fraction, part: ComparedPart
) -> list[str]:
    if part.offset or lengths[0] is None or lengths[1] is None:
        return []
    less = lengths[0] - lengths[1] / slower
    if abs(less) < Fraction(1, 4):
        return []
    return [f"the boosted video is {float(abs(less)):.3g} s {'shorter' if less > 0 else 'longer'} than its source"]


def _slow(slower: Fraction) -> list[str]:
    return [] if slower == 1 else [f"slow motion: the boosted video is {float(slower):g} times as long"]


def page_text(
    *,
    title: str,
    heading: str,
    lead: str,
    facts: tuple[dict[str, str], dict[str, str]],
    record: dict[str, Any] | None,
    measure: str,
    notes: list[str],
    proxy: Path,
    recorded: Recorded,
    preview: bool = False,
) -> PageText:
    """Returns the texts of a page, with facts about its video added to the notes."""
    labels = list(dict.fromkeys([*facts[0], *facts[1]]))
    width, height = recorded.size
    kinds = {name: sum(k == kind for k in recorded.kinds) for name, kind in (("i", INTERPOLATED), ("h", HELD))}
    held = f", and {kinds['h']:,} held" if kinds["h"] else ""
    about = [
        f"{len(recorded.times):,} frames, of which {kinds['i']:,} are interpolated{held}, judging by their timestamps",
        f"both videos are shown as H.264 at {width} x {height}, {megabytes(proxy.stat().st_size)} in all; this "
        "encoding loses the finest detail, so judge that in the files themselves",
    ]
    warnings = (record or {}).get("warnings")
    return PageText(
        title=title,
        heading=heading,
        lead=lead,
        facts=[(label, facts[0].get(label, ""), facts[1].get(label, "")) for label in labels],
        record={} if record is None else shown_record(record),
        warnings=[str(w) for w in warnings] if isinstance(warnings, list) else [],
        measure=measure,
        notes=[*about, *(note[:1].upper() + note[1:] for note in notes)],
        preview=preview,
    )


def save_page(
    target: Path,
    proxy: Path,
    recorded: Recorded,
    unsure: list[Candidate],
    text: PageText,
    *,
    sources: list[Path],
    overwrite: bool,
) -> int:
    """Writes a page under a hidden name and renames it; returns its size in bytes.

    Raises:
      InputError, OutputError: the page cannot be written, or its path is that of a source.
    """
    for source in sources:
        check_output(source, target, overwrite=overwrite)
    with partial_file(target, overwrite=overwrite) as partial:
        with writing(target), partial.open("w", encoding="utf-8", errors="replace") as out:
            write_page(out, proxy, recorded, unsure, text)
        return partial.stat().st_size
