"""Rates and ratios that FFmpeg can hold: as they are, or the nearest."""

from __future__ import annotations

from fractions import Fraction

import pytest

from frame_booster.errors import InputError
from frame_booster.option_values import parse_rate
from frame_booster.options import BoostOptions, InputOptions
from frame_booster.rational import MOST, is_representable, representable


@pytest.mark.parametrize("value", [Fraction(30000, 1001), Fraction(1, 90000), Fraction(MOST), Fraction(MOST, MOST - 1)])
def test_what_ffmpeg_can_hold_stays_as_it_is(value: Fraction) -> None:
    assert representable(value) == value


@pytest.mark.parametrize("text", ["47.123456789012", "23.4567891234", "0.0123456789012", "59.99999999999", "1e-9"])
def test_more_digits_are_a_rate_that_is_the_same_for_hours(text: str) -> None:
    rate = parse_rate(text)
    assert is_representable(rate)
    assert is_representable(1 / rate)
    assert abs(rate - Fraction(text)) / Fraction(text) < Fraction(1, 10**8)


def test_a_computed_decimal_is_a_rate() -> None:
    assert abs(parse_rate(repr(100 / 3)) - Fraction(100, 3)) < Fraction(1, 10**9)
    found = InputOptions(rate=Fraction(0.1)).rate
    assert found == Fraction(1, 10)


@pytest.mark.parametrize("value", [Fraction(1, 10**10), Fraction(10**10)])
def test_what_is_too_large_or_too_small_is_refused(value: Fraction) -> None:
    assert representable(value) is None
    with pytest.raises(InputError, match="FFmpeg cannot represent"):
        parse_rate(str(value))
    with pytest.raises(InputError, match="FFmpeg cannot represent"):
        BoostOptions(fps=value)
    with pytest.raises(InputError, match="FFmpeg cannot represent"):
        InputOptions(rate=value)
