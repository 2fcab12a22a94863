"""The part of a source that a comparison shows, given by times or SMPTE timecodes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from frame_booster.errors import InputError
from frame_booster.media.input.open import open_source
from frame_booster.options import InputOptions, Position


@dataclass(frozen=True)
class ComparedPart:
    """A part of a source; times are in s from the start of the source."""

    start: Fraction
    duration: Fraction | None
    """None is the default length."""
    offset: Fraction
    """Time at which the boosted video starts."""


def compared_part(
    path: Path, start: Position | None, end: Position | None, duration: Position | None, offset: Position
) -> ComparedPart:
    """Returns a part of a source in s; timecodes are relative to that of the source.

    Args:
      path: path of the source.
      start, end, duration: bounds of the part; an end and a duration exclude each other.
      offset: time in the source at which the boosted video starts. The part does not start before it.

    Raises:
      InputError: the part is empty or starts before the source, or a timecode does not occur in the source.
    """
    if end is not None and duration is not None:
        raise InputError("--to and --duration exclude each other", hint="use one of them")
    for place, name in ((start, "start"), (offset, "offset")):
        if isinstance(place, Fraction) and place < 0:
            raise InputError(f"--{name} must not be negative")
    first, last = _bounds(path, start, end, duration)
    begin = first or Fraction(0)
    length = None if last is None else last - begin
    begins = _bounds(path, offset or None)[0] or Fraction(0)
    if begin < begins:
        begin = begins
        if end is not None and last is not None:
            length = last - begin
            if length <= 0:
                raise InputError("the selected part ends before the boosted video starts", path=path)
    return ComparedPart(begin, length, begins)


def _bounds(
    path: Path, start: Position | None, end: Position | None = None, duration: Position | None = None
) -> tuple[Fraction | None, Fraction | None]:
    if start is None and end is None and duration is None:
        return None, None
    with open_source(path, InputOptions(), start=start, end=end, duration=duration) as source:
        return source.part
