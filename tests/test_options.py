"""Options that cannot be: each is refused before any work, and at the very edge of what can be."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from frame_booster.errors import InputError
from frame_booster.options import BoostOptions, InputOptions
from frame_booster.timecode import Timecode


@pytest.mark.parametrize(
    ("refused", "message", "taken"),
    [
        ({"factor": 1}, "factor 1 is not a whole number from 2 to 16", {"factor": 2}),
        ({"factor": 17}, "factor 17 is not a whole number from 2 to 16", {"factor": 16}),
        ({"fps": Fraction(0)}, "fps is not positive", {"fps": Fraction(1)}),
        ({"fps": Fraction(60), "factor": 2}, "fps and factor exclude each other", {"fps": Fraction(60)}),
        ({"slow_motion": Fraction(1)}, "slow motion 1 is not more than 1", {"slow_motion": Fraction(101, 100)}),
        ({"slow_motion": Fraction(101)}, "slow motion 101 is not", {"slow_motion": Fraction(100)}),
        (
            {"slow_motion": Fraction(17), "model": "fbnet"},
            "fbnet makes no slow motion of more than 16",
            {"slow_motion": Fraction(16), "model": "fbnet"},
        ),
        (
            {"slow_motion": Fraction(2), "slow_audio": "keep"},
            "slow audio 'keep' is not drop or stretch",
            {"slow_motion": Fraction(2), "slow_audio": "drop"},
        ),
        ({"slow_audio": "drop"}, "slow audio is only of use with slow motion", {}),
        ({"audio": "keep"}, "audio 'keep' is not copy, encode or drop", {"audio": "encode"}),
        ({"audio_bitrate": 0}, "audio bitrate is not positive", {"audio_bitrate": 1}),
        (
            {"audio": "drop", "audio_codec": "aac"},
            "an audio codec or bitrate is of no use with audio drop",
            {"audio": "encode", "audio_codec": "aac"},
        ),
        (
            {"audio": "copy", "audio_bitrate": 96_000},
            "an audio codec or bitrate is of no use with audio copy",
            {"audio": "encode", "audio_bitrate": 96_000},
        ),
        (
            {"audio": "copy", "slow_motion": Fraction(2), "slow_audio": "stretch"},
            "audio cannot be copied and stretched",
            {"audio": "encode", "slow_motion": Fraction(2), "slow_audio": "stretch"},
        ),
        ({"segment": Fraction(0)}, "segment length is not positive", {"segment": Fraction(1, 10)}),
        ({"scene_threshold": 1.01}, "scene threshold 1.01 is not in [0, 1]", {"scene_threshold": 1.0}),
        ({"scene_threshold": float("nan")}, "scene threshold nan is not in [0, 1]", {"scene_threshold": 0.0}),
        ({"batch_size": 0}, "batch size 0 is not positive", {"batch_size": 1}),
        ({"threads": 0}, "0 threads are not enough", {"threads": 1}),
        ({"max_memory": 0}, "max memory is not positive", {"max_memory": 1}),
        ({"max_device_memory": (1 << 30) - 1}, "a network needs 1G", {"max_device_memory": 1 << 30}),
        ({"max_gap": Fraction(-1)}, "max gap is negative", {"max_gap": Fraction(0)}),
        ({"shutter_samples": 1}, "1 shutter samples are not 2 to 32", {"shutter_samples": 2}),
        ({"shutter_samples": 33}, "33 shutter samples are not 2 to 32", {"shutter_samples": 32}),
        ({"shutter": Fraction(0)}, "the shutter's angle is not more than 0", {"shutter": Fraction(1)}),
        ({"shutter": Fraction(361)}, "at most 360 degrees", {"shutter": Fraction(360)}),
        (
            {"shutter": Fraction(180), "fps": Fraction(60), "resume": True},
            "--shutter with --fps cannot be resumed",
            {"shutter": Fraction(180), "fps": Fraction(60)},
        ),
        (
            {"shutter": Fraction(180), "slow_motion": Fraction(5, 2), "resume": True},
            "--shutter with such a slow motion cannot be resumed",
            {"shutter": Fraction(180), "slow_motion": Fraction(2), "resume": True},
        ),
        ({"start": Fraction(-1)}, "start is negative", {"start": Fraction(0)}),
        ({"duration": Fraction(0)}, "duration is not positive", {"duration": Fraction(1, 100)}),
        ({"end": Fraction(0)}, "the end is not after the start", {"end": Fraction(1, 100)}),
        (
            {"start": Fraction(2), "end": Fraction(2)},
            "the end is not after the start",
            {"start": Fraction(2), "end": Fraction(3)},
        ),
        (
            {"end": Fraction(2), "duration": Timecode(0, 0, 1, 0)},
            "-t and -to exclude each other",
            {"duration": Timecode(0, 0, 1, 0)},
        ),
    ],
)
def test_what_cannot_be_is_refused_and_what_is_beside_it_taken(
    refused: dict[str, Any], message: str, taken: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as caught:
        BoostOptions(**refused)
    assert message in str(caught.value)
    BoostOptions(**taken)


@pytest.mark.parametrize(
    ("refused", "message", "taken"),
    [
        ({"deinterlace": "yes"}, "deinterlace 'yes' is not one of auto, on, off", {"deinterlace": "on"}),
        ({"size": "0x48"}, "size '0x48' is not WIDTHxHEIGHT", {"size": "64x48"}),
        ({"size": "64X48"}, "size '64X48' is not WIDTHxHEIGHT", {"size": "064x48"}),
        ({"rate": Fraction(-25)}, "FFmpeg has no rate of -25 frames a second", {"rate": Fraction(25)}),
    ],
)
def test_so_it_is_with_what_is_said_of_the_input(refused: dict[str, Any], message: str, taken: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        InputOptions(**refused)
    assert message in str(caught.value)
    InputOptions(**taken)


def test_a_shutter_leaves_the_rate_as_it_is() -> None:
    assert BoostOptions().ratio == 2
    assert BoostOptions(shutter=Fraction(180)).ratio == 1
    assert BoostOptions(shutter=Fraction(180), slow_motion=Fraction(5, 2)).multiple == "2.5"
