"""Values of options as they are typed: times, places, rates, ratios, amounts, read as exact numbers."""

from __future__ import annotations

import re
from fractions import Fraction

from frame_booster.errors import InputError
from frame_booster.rational import representable
from frame_booster.timecode import Timecode


def parse_time(text: str) -> Fraction:
    """Reads a time as ffmpeg writes it, "12.5" or "[HH:]MM:SS[.frac]", as an exact number of seconds.

    Raises:
      InputError: it is not such a time.
    """
    parts = text.strip().split(":")
    try:
        if not 1 <= len(parts) <= 3:
            raise ValueError
        seconds = Fraction(parts[-1])
        for scale, part in zip((60, 3600), reversed(parts[:-1]), strict=False):
            seconds += int(part) * scale
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not a time: {text!r}", hint="use seconds or HH:MM:SS.fraction") from error
    return seconds


def parse_position(text: str) -> Fraction | Timecode:
    """Reads a place in a video: a time as `parse_time` does, or a timecode, "HH:MM:SS:FF" or "HH:MM:SS;FF".

    Raises:
      InputError: it is neither.
    """
    # Behind a full stop there are parts of a second, not frames.
    label = None if "." in text else Timecode.parse(text)
    return parse_time(text) if label is None else label


def parse_ratio(text: str) -> Fraction:
    """Reads how many times, "2.5", "5/2" or "3x", as an exact number.

    Raises:
      InputError: it is no number.
    """
    try:
        return Fraction(text.strip().removesuffix("x"))
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not a number: {text!r}", hint="for example 4, 2.5 or 5/2") from error


def parse_angle(text: str) -> Fraction:
    """Reads an angle in degrees, "180" or "172.8", as an exact number.

    Raises:
      InputError: it is no number.
    """
    try:
        return Fraction(text.strip().removesuffix("°"))
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not an angle: {text!r}", hint="use degrees, for example 180 or 172.8") from error


def parse_scale(text: str) -> Fraction | None:
    """Reads a flow scale, "1", "0.5" or "1/2"; "auto" is None.

    Raises:
      InputError: it is not a number.
    """
    try:
        return None if text == "auto" else Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not a scale: {text!r}", hint="for example 0.5, 1/2 or auto") from error


def parse_batch_size(text: str) -> int | None:
    """Reads a number of pairs at once, "8"; "auto" is None.

    Raises:
      InputError: it is not a whole number.
    """
    if text == "auto":
        return None
    if not text.isdecimal():
        raise InputError(f"not a batch size: {text!r}", hint="for example 8 or auto")
    return int(text)


def parse_bytes(text: str) -> int:
    """Reads an amount of memory, "6G", "800M" or a number of bytes; units are powers of 1024.

    Raises:
      InputError: it is not an amount.
    """
    number = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = {"K": 10, "M": 20, "G": 30, "T": 40}.get(number[-1:], 0)
    try:
        amount = Fraction(number[:-1] if unit else number) * (1 << unit)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not an amount of memory: {text!r}", hint="for example 6G or 800M") from error
    return int(amount)


def parse_bitrate(text: str) -> int:
    """Reads bits a second as ffmpeg writes them, "192k", "1.5M" or a number; units are powers of 1000.

    Raises:
      InputError: it is not a bit rate.
    """
    number = text.strip().upper()
    unit = {"K": 1000, "M": 1000_000}.get(number[-1:], 1)
    try:
        return int(Fraction(number if unit == 1 else number[:-1]) * unit)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not a bit rate: {text!r}", hint="for example 192k") from error


RATES = {
    "ntsc": Fraction(30000, 1001),
    "pal": Fraction(25),
    "film": Fraction(24),
    "ntsc-film": Fraction(24000, 1001),
}
"""FFmpeg's names of rates."""


def parse_rate(text: str) -> Fraction:
    """Reads a frame rate, "60", "29.97", "30000/1001" or a name of `RATES`, as an exact number.

    Decimals that stand for a rate of NTSC are taken for it: 23.976 and 23.98 are 24000/1001. Of more digits than FFmpeg
    can hold it is the nearest rate that it can.

    Raises:
      InputError: it is not a rate, or none that FFmpeg can hold.
    """
    if text.strip().lower() in RATES:
        return RATES[text.strip().lower()]
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        hint = f"for example 60, 59.94 or 60000/1001, or one of {', '.join(RATES)}"
        raise InputError(f"not a frame rate: {text!r}", hint=hint) from error
    if rate <= 0:
        raise InputError(f"not a frame rate: {text!r}")
    nominal = -(-rate.numerator // rate.denominator)
    ntsc = Fraction(nominal * 1000, 1001)
    if rate.denominator != 1 and "/" not in text and abs(rate - ntsc) <= Fraction(1, 200):
        return ntsc
    known = representable(rate)
    if known is None:
        raise InputError(f"FFmpeg cannot represent a rate of {text.strip()} fps", hint="use another rate")
    return known


def parse_fps(text: str) -> Fraction | int:
    """Reads what is given for a rate: a rate as `parse_rate` does, or a factor, "2x" or "double", which is an int.

    Raises:
      InputError: it is neither.
    """
    match = re.fullmatch(r"(\d{1,2})x|double", text.strip().lower())
    return parse_rate(text) if match is None else int(match[1] or 2)
