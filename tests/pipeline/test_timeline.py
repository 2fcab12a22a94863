"""Rates and lengths of any number of digits, and how many frames are to be interpolated for them."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from frame_booster.errors import InputError
from frame_booster.pipeline.timeline import Multiple, RateChoice, Timeline, last_duration
from frame_booster.rational import is_representable

LONG = Fraction("1.23456789012345678")


@pytest.mark.parametrize("base", [Fraction(1, 1000), Fraction(1, 25), Fraction(1001, 30000), Fraction(1, 10**9)])
@pytest.mark.parametrize(
    "choice",
    [
        RateChoice(multiple=2, slower=LONG),
        RateChoice(multiple=LONG, slower=LONG),
        RateChoice(fps=Fraction("47.123456789012")),
        RateChoice(fps=Fraction(59.94)),
        RateChoice(fps=Fraction("47.123456789012"), slower=LONG),
        RateChoice(multiple=2, slower=LONG, shutter=Fraction("172.123456789012"), samples=7),
    ],
)
def test_every_rate_and_length_is_one_that_ffmpeg_can_hold(choice: RateChoice, base: Fraction) -> None:
    gap = max(round(Fraction(1001, 30000) / base), 1)
    timeline = choice.timeline(base, 1 / (gap * base), 3 * gap)
    assert timeline.rate is not None
    assert all(is_representable(value) for value in (timeline.time_base, timeline.rate, 1 / timeline.rate))
    slots = [slot for k in range(3, 40) for slot in timeline.between(k * gap, (k + 1) * gap)]
    # A frame within a tick of one of the source shows that one.
    near = max(timeline.time_base, Fraction(1, 90_000)) + (base * choice.slower if base == Fraction(1, 1000) else 0)
    first = [slot for slot in slots if not slot.sample]
    assert all(abs(slot.pts * timeline.time_base - slot.at * base * choice.slower) <= near for slot in first)
    assert all(a.pts + a.duration == b.pts for a, b in itertools.pairwise(first))


def test_a_rate_that_ffmpeg_can_hold_is_kept() -> None:
    timeline = RateChoice(fps=Fraction(30000, 1001)).timeline(Fraction(1, 1000), Fraction(25), 0)
    assert (timeline.rate, timeline.time_base) == (Fraction(30000, 1001), Fraction(1001, 30000))


def test_a_time_base_that_is_a_part_of_the_sources_is_kept() -> None:
    assert Multiple(Fraction(1, 25), Fraction(25), 2, Fraction(5, 4)).time_base == Fraction(1, 40)


@pytest.mark.parametrize("choice", [RateChoice(fps=Fraction(1, 10**11)), RateChoice(multiple=Fraction(1, 10**11))])
def test_a_rate_that_ffmpeg_cannot_hold_is_refused(choice: RateChoice) -> None:
    with pytest.raises(InputError, match="FFmpeg cannot represent"):
        choice.timeline(Fraction(1, 25), Fraction(25), 0)


def test_times_are_rounded_to_the_nearest() -> None:
    """Where FFmpeg holds no time base in which thirds of a tick are whole."""
    base = Fraction(1, 10**9)
    timeline = Multiple(base, Fraction(25), 3)
    slots = list(timeline.between(0, 1))
    assert [slot.at for slot in slots] == [0, Fraction(1, 3), Fraction(2, 3)]
    assert all(abs(slot.pts * timeline.time_base - slot.at * base) <= timeline.time_base / 2 for slot in slots)


def test_the_last_frame_is_shown_for_a_tick_at_least() -> None:
    assert last_duration(0, 0, Fraction(100), Fraction(1, 25)) == 1
    assert last_duration(0, 0, None, Fraction(1, 25)) == 1
    assert last_duration(0, 0, Fraction(25), Fraction(1, 100)) == 4
    assert last_duration(0, 3, Fraction(25), Fraction(1, 100)) == 3
    assert last_duration(2, 3, Fraction(25), Fraction(1, 100)) == 2


def counted(timeline: Timeline, frames: int) -> int:
    """Returns how many moments between so many frames of a source are at none of them."""
    slots = [slot for k in range(frames) for slot in timeline.between(k * 1000, (k + 1) * 1000)]
    return sum(slot.at % 1000 != 0 for slot in slots)


@pytest.mark.parametrize(
    "choice",
    [
        RateChoice(),
        RateChoice(multiple=5),
        RateChoice(multiple=Fraction(5, 2), slower=Fraction(5, 2)),
        RateChoice(fps=Fraction(24)),
        RateChoice(fps=Fraction(25)),
        RateChoice(fps=Fraction(50)),
        RateChoice(fps=Fraction(60)),
        RateChoice(fps=Fraction(30000, 1001)),
        RateChoice(fps=Fraction(25), slower=Fraction(2)),
        RateChoice(multiple=1, shutter=Fraction(180), samples=8),
        RateChoice(multiple=2, shutter=Fraction(90), samples=3),
        RateChoice(fps=Fraction(24), shutter=Fraction(180), samples=4),
    ],
)
def test_interpolated_frames_are_those_at_no_frame_of_the_source(choice: RateChoice) -> None:
    frames = 600
    found = choice.interpolated_frames(frames, Fraction(25))
    assert found is not None
    real = counted(choice.timeline(Fraction(1, 25_000), Fraction(25), 0), frames)
    assert abs(found - real) <= max(4, real // 100)


def test_interpolated_frames_are_not_known_of_what_does_not_tell() -> None:
    assert RateChoice().interpolated_frames(None, Fraction(25)) is None
    assert RateChoice(fps=Fraction(24)).interpolated_frames(100, None) is None
    assert RateChoice().interpolated_frames(100, None) == 100
