"""Parts of an input by timecode: to the very frame, at every rate, against the video's own label."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from frame_booster.errors import InputError
from frame_booster.media.input.part import Labels, bounds
from frame_booster.option_values import parse_position, parse_rate
from frame_booster.options import BoostOptions
from frame_booster.timecode import Timecode
from tests.conftest import boosted, decoded
from tests.media.passthrough.test_timecode import labelled

NTSC = Fraction(30000, 1001)


def label(text: str) -> Timecode:
    found = parse_position(text)
    assert isinstance(found, Timecode)
    return found


@pytest.mark.parametrize(
    ("text", "rate", "first", "frame"),
    [
        ("00:00:01:12", Fraction(24), None, 36),
        ("01:00:02:00", Fraction(25), "01:00:00:00", 50),
        ("00:01:00;02", NTSC, None, 1800),
        ("00:10:00;00", NTSC, None, 17982),
        ("01:00:00:00", NTSC, "00:59:59;28", 2),
        ("00:00:00:05", Fraction(25), "23:59:59:20", 10),
        ("00:00:10:00", Fraction(24000, 1001), None, 240),
    ],
)
def test_a_label_is_a_frame(text: str, rate: Fraction, first: str | None, frame: int) -> None:
    """Its time is that of the frame where times are exact, and between it and the one before where they are rounded."""
    begin = None if first is None else Timecode.parse(first)
    exact = Labels(Path("in"), rate, begin, Fraction(7), frames=1000000)
    assert exact.time_of(label(text)) == 7 + frame / rate
    rounded = Labels(Path("in"), rate, begin, Fraction(7), Fraction(1, 1000), 1000000)
    assert 7 + (frame - 1) / rate < rounded.time_of(label(text)) < 7 + frame / rate


@pytest.mark.parametrize(
    ("text", "rate", "first"),
    [
        ("00:01:00;00", NTSC, None),
        ("00:00:00:30", NTSC, None),
        ("00:00:00;02", Fraction(25), None),
        ("00:00:00;02", NTSC, "00:00:00:00"),
        ("00:00:10:00", Fraction(25), "01:00:00:00"),
        ("00:60:00:00", Fraction(25), None),
        ("00:00:10:00", None, None),
    ],
)
def test_labels_that_there_are_not(text: str, rate: Fraction | None, first: str | None) -> None:
    begin = None if first is None else Timecode.parse(first)
    with pytest.raises(InputError):
        Labels(Path("in"), rate, begin, frames=100).time_of(label(text))


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
@pytest.mark.parametrize(
    "part",
    [
        {"start": "01:00:00:03", "end": "01:00:00:07"},
        {"start": "01:00:00:03", "duration": "00:00:00:04"},
        {"start": Fraction(3 * 1001, 24000) - Fraction(1, 100), "end": Fraction(7 * 1001, 24000) - Fraction(1, 100)},
    ],
)
def test_a_part_is_exactly_these_frames(tmp_path: Path, suffix: str, part: dict[str, Any]) -> None:
    """Matroska has rounded their times to milliseconds."""
    source = labelled(tmp_path / f"in{suffix}", "01:00:00:00", Fraction(24000, 1001))
    boosted(source, tmp_path / "out.mkv", codec="ffv1", **part)
    wanted = [data for _, data in decoded(source)[3:7]]
    assert [data for _, data in decoded(tmp_path / "out.mkv")[::2]] == wanted


@pytest.mark.parametrize(
    "values",
    [
        {"end": Fraction(3), "duration": Fraction(1)},
        {"start": Fraction(3), "end": Fraction(3)},
        {"end": Fraction(0)},
    ],
)
def test_parts_that_there_are_not(values: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        BoostOptions(**values)


def test_times_and_rates_as_they_are_typed() -> None:
    assert parse_position("00:01:02.5") == Fraction(125, 2)
    assert parse_position("12.5") == Fraction(25, 2)
    assert label("1:02:03;04") == Timecode(1, 2, 3, 4, True)
    assert [parse_rate(name) for name in ("NTSC", "pal", "film", "ntsc-film")] == [
        NTSC,
        25,
        24,
        Fraction(24000, 1001),
    ]


def test_a_part_that_ends_where_it_begins_is_refused() -> None:
    labels, here = Labels(Path("in"), Fraction(25), origin=Fraction(7)), Fraction(3)
    for start, end in ((here, here), (label("00:00:03:00"), here), (None, Fraction(0))):
        with pytest.raises(InputError, match="ends before it starts"):
            bounds(labels, start, end, None, Fraction(7))
    assert bounds(labels, here, here + Fraction(1, 1000), None, Fraction(7)) == (10, 10 + Fraction(1, 1000))
