"""When every frame of the output is shown. Integers only: no rate, no counter, no float."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Slot:
    """A frame of the output: from `pts` for `duration`, in ticks of the source's time base over `factor`."""

    pts: int
    duration: int
    t: Fraction
    """Where it lies between its two source frames; 0 is the first of them."""


def pair_slots(pts0: int, pts1: int, factor: int) -> Iterator[Slot]:
    """Yields the slots from one source frame up to the next: the frame itself, then the made ones.

    Args:
      pts0, pts1: of the two frames, in ticks of the source's time base.
      factor: frames out for each frame in. In the output's time base (`1 / factor` of the
        source's) the gap is `factor` times as many ticks, so every slot is exact.
    """
    gap = pts1 - pts0
    for k in range(factor):
        yield Slot(pts0 * factor + k * gap, gap, Fraction(k, factor))


def last_slots(pts: int, duration: int, factor: int) -> Iterator[Slot]:
    """Yields the slots of the last source frame, which is held: nothing comes after it to make frames to.

    Their durations add up to the source frame's own, so the output is as long as the source.
    """
    yield from pair_slots(pts, pts + duration, factor)


def last_duration(own: int, gap: int, rate: Fraction | None, time_base: Fraction) -> int:
    """Returns how long the last frame is shown, in ticks: what it says, else as the one before, else 1/rate."""
    if own > 0:
        return own
    if gap > 0:
        return gap
    return max(1, round(1 / (rate * time_base))) if rate else 1


def gap_limit(max_gap: Fraction, frames: int, rate: Fraction | None, time_base: Fraction) -> int | None:
    """Returns the longest gap to make frames in, in ticks: `max_gap` s or `frames` usual gaps, the longer.

    None, no limit, for a `max_gap` of 0.
    """
    if not max_gap:
        return None
    limit = max_gap if rate is None else max(max_gap, frames / rate)
    return int(limit / time_base)
