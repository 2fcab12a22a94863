"""Options that say when frames are shown, and where none is interpolated."""

from __future__ import annotations

from functools import partial

import click

from frame_booster.cli import grouped
from frame_booster.option_values import parse_angle, parse_ratio, parse_time
from frame_booster.options import SAMPLES

option = partial(grouped.option, grouped.TIMING)

OPTIONS = [
    option(
        "--slow-motion",
        "--slomo",
        metavar="TIMES",
        help="Make the output this many times as long, at the frame rate of the source: a number or a fraction "
        "above 1.",
        default_text="as long as the source",
        example="--slow-motion 2.5 --slow-audio stretch",
        reads=parse_ratio,
    ),
    option(
        "--slow-audio",
        type=click.Choice(["drop", "stretch"]),
        help="Audio in slow motion: drop it, or stretch it at the same pitch. Required if the source has audio.",
        default_text="none",
        example="--slow-motion 2 --slow-audio drop",
    ),
    option(
        "--dedupe",
        is_flag=True,
        help="Treat repeated frames as one held frame, and interpolate motion across them, for animation and game "
        "capture.",
    ),
    option(
        "--loop",
        is_flag=True,
        help="Also interpolate between the last frame and the first, for videos that are played in a loop, such as "
        "GIFs.",
    ),
    option(
        "--shutter",
        metavar="DEGREES",
        help="Add the motion blur of a camera shutter of this angle, up to 360 degrees, by averaging interpolated "
        "frames. The frame rate stays that of the source.",
        default_text="no blur",
        example="--shutter 180",
        reads=parse_angle,
    ),
    option(
        "--shutter-samples",
        type=int,
        default=SAMPLES,
        metavar="NUMBER",
        help="Number of frames averaged for each output frame, from 2 to 32; more are slower and smoother.",
        example="--shutter-samples 16",
    ),
    option(
        "--mask",
        type=click.Path(),
        metavar="PICTURE",
        help="Image of the size of the video: hold frames where it is white, for example under a HUD or subtitles; "
        "gray mixes.",
        default_text="no mask",
        example="--mask hud.png",
        one_run=True,
    ),
    option(
        "--scene-threshold",
        type=float,
        default=0.2,
        help="Similarity of two frames, from 0 to 1, below which there is a cut between them, across which the "
        "first is held; 0 disables this.",
        example="--scene-threshold 0.3",
    ),
    option(
        "--max-gap",
        metavar="TIME",
        default="0.5",
        help="Hold a frame over a gap that is longer than this, in seconds, and than 8 usual frame durations; 0 "
        "means no limit.",
        example="--max-gap 2",
        reads=parse_time,
    ),
]
