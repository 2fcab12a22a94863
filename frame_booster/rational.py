"""Rational numbers as FFmpeg has them, of two whole numbers of 31 bits: rates and time bases.

What has more digits would end in an overflow, somewhere in FFmpeg, when the work has begun.
"""

from __future__ import annotations

from fractions import Fraction

MOST = (1 << 31) - 1
"""The largest number in a rational of FFmpeg."""
_FINE = 1_000_000
"""Numbers of what is made coarser, so that FFmpeg can hold a part of the time of such a frame as a time base, too."""


def is_representable(value: Fraction) -> bool:
    """Tells whether FFmpeg can hold a positive number as it is."""
    return max(value.numerator, value.denominator) <= MOST


def representable(value: Fraction) -> Fraction | None:
    """Returns a positive number itself where FFmpeg can hold it, else the nearest of numbers up to a million.

    None where it is too large, or too small, for any.
    """
    if value < 1:
        inverse = representable(1 / value)
        return None if inverse is None else 1 / inverse
    if is_representable(value):
        return value
    nearest = Fraction(round(value)) if value >= _FINE else 1 / (1 / value).limit_denominator(_FINE)
    return nearest if is_representable(nearest) else None
