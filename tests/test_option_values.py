"""Values as they are typed: each is read to the exact number, and what is none is told with how to type one."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from frame_booster.errors import InputError
from frame_booster.option_values import (
    parse_angle,
    parse_batch_size,
    parse_bitrate,
    parse_bytes,
    parse_fps,
    parse_position,
    parse_rate,
    parse_ratio,
    parse_scale,
    parse_time,
)
from frame_booster.timecode import Timecode


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (parse_time, "12.5", Fraction(25, 2)),
        (parse_time, " 1:02.5 ", Fraction(125, 2)),
        (parse_time, "2:01:00.001", 7260 + Fraction(1, 1000)),
        (parse_position, "1:00:00", Fraction(3600)),
        (parse_position, "01:00:00:12", Timecode(1, 0, 0, 12)),
        (parse_position, "01:00:00;12", Timecode(1, 0, 0, 12, drop=True)),
        (parse_position, "01:00:00.12", 3600 + Fraction(12, 100)),
        (parse_ratio, "2.5", Fraction(5, 2)),
        (parse_ratio, "5/2", Fraction(5, 2)),
        (parse_ratio, "3x", Fraction(3)),
        (parse_angle, "172.8", Fraction(864, 5)),
        (parse_angle, "180°", Fraction(180)),
        (parse_scale, "1/4", Fraction(1, 4)),
        (parse_scale, "auto", None),
        (parse_batch_size, "8", 8),
        (parse_batch_size, "auto", None),
        (parse_bytes, "1000", 1000),
        (parse_bytes, "8k", 8 << 10),
        (parse_bytes, "800M", 800 << 20),
        (parse_bytes, "1.5GB", 3 << 29),
        (parse_bytes, "6GiB", 6 << 30),
        (parse_bytes, "2T", 2 << 40),
        (parse_bitrate, "64000", 64_000),
        (parse_bitrate, "192k", 192_000),
        (parse_bitrate, "1.5M", 1_500_000),
        (parse_rate, "film", Fraction(24)),
        (parse_rate, "Pal", Fraction(25)),
        (parse_rate, "ntsc", Fraction(30000, 1001)),
        (parse_rate, "ntsc-film", Fraction(24000, 1001)),
        (parse_rate, "23.976", Fraction(24000, 1001)),
        (parse_rate, "23.98", Fraction(24000, 1001)),
        (parse_rate, "59.94", Fraction(60000, 1001)),
        (parse_rate, "2997/100", Fraction(2997, 100)),
        (parse_rate, "12.5", Fraction(25, 2)),
        (parse_fps, "3x", 3),
        (parse_fps, "double", 2),
        (parse_fps, "48", Fraction(48)),
    ],
)
def test_what_is_typed_is_read_exactly(read: Callable[[str], object], text: str, value: object) -> None:
    found = read(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (parse_time, "1:2:3:4", r"not a time: '1:2:3:4' \(use seconds or HH:MM:SS.fraction\)"),
        (parse_time, "", "not a time: ''"),
        (parse_time, "1:0.5:0", "not a time"),
        (parse_position, "1:2:3:4:5", "not a time"),
        (parse_ratio, "twice", r"not a number: 'twice' \(for example 4, 2.5 or 5/2\)"),
        (parse_ratio, "1/0", "not a number"),
        (parse_angle, "half", r"not an angle: 'half' \(use degrees, for example 180 or 172.8\)"),
        (parse_scale, "1/0", r"not a scale: '1/0' \(for example 0.5, 1/2 or auto\)"),
        (parse_batch_size, "2.5", r"not a batch size: '2.5' \(for example 8 or auto\)"),
        (parse_bytes, "G", r"not an amount of memory: 'G' \(for example 6G or 800M\)"),
        (parse_bitrate, "k", r"not a bit rate: 'k' \(for example 192k\)"),
        (
            parse_rate,
            "fast",
            r"not a frame rate: 'fast' \(for example 60, 59.94 or 60000/1001, or one of ntsc, pal, film, ntsc-",
        ),
        (parse_rate, "-25", "not a frame rate: '-25'"),
        (parse_fps, "x", "not a frame rate: 'x'"),
    ],
)
def test_what_is_no_value_is_told_with_one_that_is(read: Callable[[str], object], text: str, said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        read(text)
