"""Timecode as ST 12-1 has it: which labels there are, and how they go on at midnight."""

from __future__ import annotations

from fractions import Fraction

import pytest

from frame_booster.timecode import Timecode, may_drop

NTSC = Fraction(30000, 1001)


def label(text: str) -> Timecode:
    found = Timecode.parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "rate", "there"),
    [
        ("23:59:59:24", Fraction(25), True),
        ("24:00:00:00", Fraction(25), False),
        ("00:60:00:00", Fraction(25), False),
        ("00:00:60:00", Fraction(25), False),
        ("00:00:00:25", Fraction(25), False),
        ("00:01:00;02", NTSC, True),
        ("00:01:00;01", NTSC, False),
        ("00:10:00;00", NTSC, True),
        ("00:01:00;04", 2 * NTSC, True),
        ("00:01:00;03", 2 * NTSC, False),
        ("00:00:01;00", Fraction(30), False),
    ],
)
def test_labels_that_there_are(text: str, rate: Fraction, there: bool) -> None:
    assert label(text).is_label(rate) == there


@pytest.mark.parametrize(
    ("text", "frames", "rate", "after"),
    [
        ("23:59:59:24", 1, Fraction(25), "00:00:00:00"),
        ("23:59:59;29", 1, NTSC, "00:00:00;00"),
        ("23:59:59;29", 1801, NTSC, "00:01:00;02"),
        ("00:00:00;00", -1, NTSC, "23:59:59;29"),
        ("23:59:59;59", 1, 2 * NTSC, "00:00:00;00"),
    ],
)
def test_a_day_begins_anew(text: str, frames: int, rate: Fraction, after: str) -> None:
    assert label(text).later(frames, rate) == label(after)


@pytest.mark.parametrize(
    ("text", "rate", "number"),
    [
        ("00:01:00;02", NTSC, 1800),
        ("00:10:00;00", NTSC, 17982),
        ("23:59:59;29", NTSC, 2589407),
        ("01:00:00:00", 24, 86400),
    ],
)
def test_labels_are_numbered(text: str, rate: Fraction, number: int) -> None:
    """In drop-frame a day has 2 589 408 labels, by the standard."""
    assert label(text).number(Fraction(rate)) == number


def test_labels_are_written_as_they_are_read() -> None:
    for text in ("01:02:03:04", "01:02:03;04", "00:00:00:232"):
        assert str(label(text)) == text
    for text in ("1:2:3:4", "01:02:03", "01:02:03:4", "noon"):
        assert Timecode.parse(text) is None


def test_drop_frame_is_of_rates_that_are_or_measure_as_those_of_ntsc() -> None:
    assert [rate for rate in (24, 25, 30, 50, 60) if may_drop(Fraction(rate))] == []
    assert [may_drop(rate) for rate in (NTSC, 2 * NTSC, Fraction(2997, 100))] == [True] * 3
    assert not may_drop(Fraction(24000, 1001))
