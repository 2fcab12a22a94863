"""Options that most runs have use for."""

from __future__ import annotations

from functools import partial

from frame_booster.cli import grouped
from frame_booster.cli.completion import complete_profiles
from frame_booster.option_values import parse_fps, parse_position

option = partial(grouped.option, grouped.COMMON)

OPTIONS = [
    option("--overwrite", "-y", is_flag=True, help="Replace the output if it exists. Without it, that is an error."),
    option(
        "--factor",
        "--multi",
        type=int,
        metavar="NUMBER",
        help="Frames out for each frame in, at the same length of video: a whole number from 2 to 16.",
        default_text="2",
        example="--factor 4",
    ),
    option(
        "--fps",
        "-r",
        "fps",
        metavar="RATE",
        help="Frames a second of the output, instead of a factor: a number, a fraction, or ntsc, pal, film, ntsc-film. "
        "3x and double are factors.",
        default_text="the factor times the source's",
        example="--fps 60",
        reads=parse_fps,
    ),
    option(
        "--start",
        "-ss",
        "start",
        metavar="TIME",
        help="Begin here, in seconds, as HH:MM:SS.fraction, or as a timecode HH:MM:SS:FF of the input; that becomes 0 "
        "in the output.",
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
        help="End here, in seconds, as HH:MM:SS.fraction, or as a timecode HH:MM:SS:FF of the input, whatever --start "
        "is. Not with --duration.",
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
        help="Take no more of the input than this, in seconds, as HH:MM:SS.fraction, or in frames as a timecode.",
        default_text="to the end",
        example="--duration 10",
        reads=parse_position,
        one_run=True,
    ),
    option(
        "--resume",
        is_flag=True,
        help="Work in segments that are safe on disk. The same command goes on from there after a crash.",
    ),
    option(
        "--profile",
        metavar="NAME",
        help="Take the options of this profile of the configuration file (see --save-profile) on top of those of "
        "[default]; options on the line come before those of profiles.",
        default_text="default, if there is one",
        shell_complete=complete_profiles,
        example="--profile archive",
    ),
    option("--no-profile", is_flag=True, one_run=True, help="Take no profile, not even [default]."),
    option(
        "--save-profile",
        metavar="NAME",
        one_run=True,
        help="Save the options of this line as a profile; input, output, paths and times are left out. Without an "
        "input nothing else is done.",
        default_text="nothing is saved",
        example="--codec libx265 --crf 22 --save-profile archive",
    ),
    option(
        "--verbose",
        "-v",
        is_flag=True,
        help="Show beside the progress how busy decoding, network and encoding are, and at the end the seconds of each "
        "stage.",
    ),
]
