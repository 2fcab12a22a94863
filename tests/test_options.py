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
        ({"fps": Fraction(0)}, "--fps must be positive", {"fps": Fraction(1)}),
        ({"fps": Fraction(60), "factor": 2}, "--fps and --factor exclude each other", {"fps": Fraction(60)}),
        ({"slow_motion": Fraction(1)}, "--slow-motion 1 is not above 1", {"slow_motion": Fraction(101, 100)}),
        ({"slow_motion": Fraction(101)}, "--slow-motion 101 is not", {"slow_motion": Fraction(100)}),
        (
            {"slow_motion": Fraction(17), "model": "fbnet"},
            "--model fbnet supports --slow-motion up to 16 only",
            {"slow_motion": Fraction(16), "model": "fbnet"},
        ),
        (
            {"slow_motion": Fraction(2), "slow_audio": "keep"},
            "--slow-audio 'keep' is neither drop nor stretch",
            {"slow_motion": Fraction(2), "slow_audio": "drop"},
        ),
        ({"slow_audio": "drop"}, "--slow-audio needs --slow-motion", {}),
        ({"audio": "keep"}, "audio 'keep' is not copy, encode or drop", {"audio": "encode"}),
        ({"audio_bitrate": 0}, "--audio-bitrate must be positive", {"audio_bitrate": 1}),
        (
            {"audio": "drop", "audio_codec": "aac"},
            "--audio drop excludes --audio-codec and --audio-bitrate",
            {"audio": "encode", "audio_codec": "aac"},
        ),
        (
            {"audio": "copy", "audio_bitrate": 96_000},
            "--audio copy excludes --audio-codec and --audio-bitrate",
            {"audio": "encode", "audio_bitrate": 96_000},
        ),
        (
            {"audio": "copy", "slow_motion": Fraction(2), "slow_audio": "stretch"},
            "--audio copy and --slow-audio stretch exclude each other",
            {"audio": "encode", "slow_motion": Fraction(2), "slow_audio": "stretch"},
        ),
        ({"segment": Fraction(0)}, "--segment must be positive", {"segment": Fraction(1, 10)}),
        ({"scene_threshold": 1.01}, "--scene-threshold 1.01 is not between 0 and 1", {"scene_threshold": 1.0}),
        ({"scene_threshold": float("nan")}, "--scene-threshold nan is not between 0 and 1", {"scene_threshold": 0.0}),
        ({"batch_size": 0}, "--batch-size 0 is not positive", {"batch_size": 1}),
        ({"threads": 0}, "--threads 0 is not positive", {"threads": 1}),
        ({"max_memory": 0}, "--max-memory must be positive", {"max_memory": 1}),
        ({"max_device_memory": (1 << 30) - 1}, "the network needs at least 1G", {"max_device_memory": 1 << 30}),
        ({"max_gap": Fraction(-1)}, "--max-gap must not be negative", {"max_gap": Fraction(0)}),
        ({"shutter_samples": 1}, "--shutter-samples 1 is not from 2 to 32", {"shutter_samples": 2}),
        ({"shutter_samples": 33}, "--shutter-samples 33 is not from 2 to 32", {"shutter_samples": 32}),
        ({"shutter": Fraction(0)}, "--shutter must be above 0", {"shutter": Fraction(1)}),
        ({"shutter": Fraction(361)}, "at most 360 degrees", {"shutter": Fraction(360)}),
        (
            {"shutter": Fraction(180), "fps": Fraction(60), "resume": True},
            "--shutter with --fps does not support --resume",
            {"shutter": Fraction(180), "fps": Fraction(60)},
        ),
        (
            {"shutter": Fraction(180), "slow_motion": Fraction(5, 2), "resume": True},
            "--shutter with this --slow-motion does not support --resume",
            {"shutter": Fraction(180), "slow_motion": Fraction(2), "resume": True},
        ),
        ({"start": Fraction(-1)}, "--start must not be negative", {"start": Fraction(0)}),
        ({"duration": Fraction(0)}, "--duration must be positive", {"duration": Fraction(1, 100)}),
        ({"end": Fraction(0)}, "--to is not after --start", {"end": Fraction(1, 100)}),
        (
            {"start": Fraction(2), "end": Fraction(2)},
            "--to is not after --start",
            {"start": Fraction(2), "end": Fraction(3)},
        ),
        (
            {"end": Fraction(2), "duration": Timecode(0, 0, 1, 0)},
            "--duration (-t) and --to exclude each other",
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
        ({"deinterlace": "yes"}, "--deinterlace 'yes' is not one of auto, on, off", {"deinterlace": "on"}),
        ({"size": "0x48"}, "--size '0x48' is not WIDTHxHEIGHT", {"size": "64x48"}),
        ({"size": "64X48"}, "--size '64X48' is not WIDTHxHEIGHT", {"size": "064x48"}),
        ({"rate": Fraction(-25)}, "FFmpeg cannot represent --rate -25", {"rate": Fraction(25)}),
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
