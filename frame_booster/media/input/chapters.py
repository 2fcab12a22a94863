"""Chapters of an input at the times of what is read of it: cut where a part, or the file, begins and ends."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from frame_booster.media.input.source import SourceReport
from frame_booster.media.pyav.rational import exact, rescale
from frame_booster.media.pyav.tag_text import mend


def chapters_of(
    container: Any, shift: Fraction, end: Fraction | None, report: SourceReport, *, whole: bool
) -> list[Any]:
    """Returns the chapters of what is read, as PyAV gives them.

    Args:
      container: open for reading.
      shift: by which all times are moved towards 0, s.
      end: where the part that is read ends by the input's clock, s; None is the end of the file.
      report: told of chapters that are left out.
      whole: whether all of the file is read.
    """
    if end is None and container.duration:
        # The chapters of an MP4 are a track of text, and one that goes on would make the file longer.
        end = Fraction((container.start_time or 0) + container.duration, av.time_base)
    moved, behind = [], 0
    for chapter in container.chapters():
        base = exact(chapter["time_base"]) or Fraction(1)
        ticks = rescale(1, shift, base)
        begins, ends = chapter["start"] - ticks, chapter["end"] - ticks
        last = None if end is None else rescale(1, end - shift, base)
        late = last is not None and begins >= last
        if last is not None:
            ends = min(ends, last)
        # What ends before the first frame, or begins after the last, is none of the output's.
        if ends > max(begins, 0) or (whole and not ticks and not late):
            mend(chapter["metadata"])
            moved.append({**chapter, "start": max(begins, 0) if ticks else begins, "end": ends})
        behind += late and whole
    if behind:
        report.warn(f"chapters that start after the end of the file are dropped: {behind}")
    return moved
