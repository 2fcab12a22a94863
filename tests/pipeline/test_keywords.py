"""Values of the Python API: what the command reads from text, the API takes as text or number."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frame_booster.errors import InputError
from frame_booster.pipeline.keywords import keyword_types, options_of


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
        ({"batch_size": "auto"}, None),
        ({"batch_size": "8"}, 8),
        ({"audio_bitrate": "96k"}, 96_000),
        ({"audio_bitrate": 96_000}, 96_000),
        ({"fps": np.float64(59.94)}, Fraction(60000, 1001)),
        ({"factor": np.int64(4)}, 4),
        ({"weights": Path("a.safetensors")}, "a.safetensors"),
        ({"mask": Path("a.png")}, "a.png"),
    ],
)
def test_values_are_read_as_the_command_reads_them(keywords: dict[str, Any], expected: object) -> None:
    options = options_of(keywords)
    assert getattr(options, next(iter(keywords))) == expected


def test_values_of_the_input_are_read_alike() -> None:
    assert options_of({"input_rate": 23.976}).source.rate == Fraction(24000, 1001)
    assert options_of({"input_deinterlace": True}).source.deinterlace == "on"
    assert options_of({"input_deinterlace": False}).source.deinterlace == "off"


def test_what_goes_to_the_encoder_is_as_the_command_gives_it() -> None:
    encoder = options_of({"crf": 16, "options": [["tune", "animation"]]}).encoder
    assert (encoder.crf, type(encoder.crf), encoder.options) == (16.0, float, (("tune", "animation"),))


@pytest.mark.parametrize("name", list(keyword_types()))
def test_every_keyword_refuses_what_it_cannot_be(name: str) -> None:
    """Whatever its type, no keyword takes an object, nor a list of numbers; each says its name and what it takes."""
    for wrong in (object(), [1.5], {"a": 1}, np.zeros(3)):
        with pytest.raises(InputError, match=rf"^{name} must be .*, not "):
            options_of({name: wrong})


@pytest.mark.parametrize(
    "keywords",
    [
        {"factor": 2.5},
        {"factor": "3"},
        {"overwrite": "no"},
        {"overwrite": 0},
        {"threads": "2"},
        {"scene_threshold": "x"},
        {"device": ["cpu"]},
        {"input_size": (10, 10)},
        {"options": "tune=animation"},
        {"container_options": (("a",),)},
        {"crf": float("nan")},
        {"max_memory": True},
        {"model": None},
    ],
)
def test_a_wrong_type_is_told_with_the_keyword(keywords: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"^{next(iter(keywords))} must be .*, not "):
        options_of(keywords)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("size", "input_size"), ("preste", "preset"), ("no_cache", "cache"), ("cluster", "docs/reference/python.md")],
)
def test_an_unknown_keyword_is_told_with_those_that_are_near(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=rf"unknown option: {name} \(.*{hint}"):
        options_of({name: True})


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


@pytest.mark.parametrize("fps", ["1e-9", "0.0005", 200_000, "1e9"])
def test_a_rate_that_no_container_counts_is_refused(fps: str | int) -> None:
    with pytest.raises(InputError, match=r"no container supports .* \(use a rate from 0\.001 to 100000\)"):
        options_of({"fps": fps})


def test_the_slowest_and_the_fastest_rate_are_taken() -> None:
    assert options_of({"fps": "0.001"}).fps == Fraction(1, 1000)
    assert options_of({"fps": 100_000}).fps == 100_000
