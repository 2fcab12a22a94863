"""Exact numbers from PyAV, whose rational type differs between its versions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


def exact(value: Any) -> Fraction | None:
    """Returns a rational of PyAV as `Fraction`; None where it says nothing (None or 0).

    PyAV up to 18 gives `Fraction`; PyAV 19 an `AVRational`, whose own arithmetic rounds to 32 bits.
    """
    if value is None or not value.numerator or not value.denominator:
        return None
    return Fraction(value.numerator, value.denominator)


def rescale(ticks: int, source: Fraction, target: Fraction) -> int:
    """Converts ticks between time bases, to the nearest tick, halves away from zero as FFmpeg does."""
    value = ticks * source / target
    whole = abs(value) + Fraction(1, 2)
    return (whole.numerator // whole.denominator) * (1 if value >= 0 else -1)
