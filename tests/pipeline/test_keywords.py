"""Values of the Python API: what the command reads from text, the API takes as text or number."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from frame_booster.errors import InputError
from frame_booster.pipeline.keywords import options_of


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({"fps": 59.94}, Fraction(60000, 1001)),
        ({"fps": "59.94"}, Fraction(60000, 1001)),
        ({"fps": "60000/1001"}, Fraction(60000, 1001)),
        ({"fps": "ntsc"}, Fraction(30000, 1001)),
        ({"fps": 60}, Fraction(60)),
        ({"fps": 12.5}, Fraction(25, 2)),
        ({"fps": Fraction(60000, 1001)}, Fraction(60000, 1001)),
        ({"fps": None}, None),
        ({"max_memory": "6G"}, 6 << 30),
        ({"max_memory": 1000}, 1000),
        ({"flow_scale": 0.5}, Fraction(1, 2)),
        ({"flow_scale": "1/4"}, Fraction(1, 4)),
        ({"flow_scale": "auto"}, None),
        ({"start": "00:01:02.5"}, Fraction(125, 2)),
        ({"duration": 0.1}, Fraction(1, 10)),
        ({"max_gap": 0}, Fraction(0)),
        ({"segment": 30}, Fraction(30)),
    ],
)
def test_values_are_read_as_the_command_reads_them(keywords: dict[str, Any], expected: object) -> None:
    options = options_of(keywords)
    assert getattr(options, next(iter(keywords))) == expected


def test_values_of_the_input_are_read_alike() -> None:
    assert options_of({"input_rate": 23.976}).source.rate == Fraction(24000, 1001)
    assert options_of({"input_deinterlace": True}).source.deinterlace == "on"
    assert options_of({"input_deinterlace": False}).source.deinterlace == "off"


@pytest.mark.parametrize(
    "keywords",
    [
        {"fps": "fast"},
        {"fps": float("nan")},
        {"fps": -1.0},
        {"fps": 0},
        {"fps": True},
        {"fps": [60]},
        {"max_memory": "much"},
        {"start": "soon"},
        {"flow_scale": "half"},
        {"input_deinterlace": "perhaps"},
    ],
)
def test_what_is_no_value_is_refused(keywords: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        options_of(keywords)
