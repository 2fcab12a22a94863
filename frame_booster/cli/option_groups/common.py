"""Options that most runs have use for."""

from __future__ import annotations

from functools import partial

from frame_booster.cli import grouped
from frame_booster.cli.completion import complete_profiles
from frame_booster.option_values import parse_fps, parse_position

option = partial(grouped.option, grouped.COMMON)

OPTIONS = [
    option("--overwrite", "-y", is_flag=True, help="Replace the output if it exists, instead of ending with an error."),
    option(
        "--factor",
        "--multi",
        type=int,
        metavar="NUMBER",
        help="Output frames for each input frame, at the same length: a whole number from 2 to 16.",
        default_text="2",
        example="--factor 4",
    ),
    option(
        "--fps",
        "-r",
        "fps",
        metavar="RATE",
        help="Frame rate of the output, instead of a factor: a number, a fraction, or ntsc, pal, film, ntsc-film. "
        "3x and double are factors.",
        default_text="--factor times that of the source",
        example="--fps 60",
        reads=parse_fps,
    ),
    option(
        "--start",
        "-ss",
        "start",
        metavar="TIME",
        help="Start here, at a time in seconds or as HH:MM:SS.fraction, or at a timecode HH:MM:SS:FF of the input. "
        "The output starts at 0.",
        default_text="the beginning",
        example="--start 1:20",
        reads=parse_position,
        one_run=True,
    ),
    option(
        "--to",
        "-to",
        "end",
        metavar="TIME",
        help="End here, at a time in seconds or as HH:MM:SS.fraction, or at a timecode HH:MM:SS:FF, both of the "
        "input. Not with --duration.",
        default_text="the end",
        example="--start 1:20 --to 1:30",
        reads=parse_position,
        one_run=True,
    ),
    option(
        "--duration",
        "-t",
        "duration",
        metavar="TIME",
        help="Length of the input to process, in seconds, as HH:MM:SS.fraction, or as a timecode HH:MM:SS:FF.",
        default_text="to the end",
        example="--duration 10",
        reads=parse_position,
        one_run=True,
    ),
    option(
        "--resume",
        is_flag=True,
        help="Encode in segments that are safe on disk, so that the same command continues after a crash.",
    ),
    option(
        "--profile",
        metavar="NAME",
        help="Use this profile of the configuration file (see --save-profile) on top of [default]. Options of the "
        "command line take precedence.",
        default_text="[default], if there is one",
        shell_complete=complete_profiles,
        example="--profile archive",
    ),
    option("--no-profile", is_flag=True, one_run=True, help="Use no profile, not even [default]."),
    option(
        "--save-profile",
        metavar="NAME",
        one_run=True,
        help="Save the options of this command line as a profile, except input, output, paths and times. Without "
        "an input, nothing else is done.",
        default_text="nothing is saved",
        example="--codec libx265 --crf 22 --save-profile archive",
    ),
    option(
        "--verbose",
        "-v",
        is_flag=True,
        help="Show in the progress how busy decoding, network and encoding are, and at the end the seconds of each "
        "stage.",
    ),
]
