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
        help="Make the output this many times as long, at the frame rate of the source: a number or a fraction, more "
        "than 1.",
        default_text="as long as the source",
        example="--slow-motion 2.5 --slow-audio stretch",
        reads=parse_ratio,
    ),
    option(
        "--slow-audio",
        type=click.Choice(["drop", "stretch"]),
        help="Audio in slow motion: leave it out, or stretch it at its own pitch. Needed where the source has audio.",
        default_text="none",
        example="--slow-motion 2 --slow-audio drop",
    ),
    option(
        "--dedupe",
        is_flag=True,
        help="Take repeated frames for one that was held, and let motion go on through them, as for anime and game "
        "capture.",
    ),
    option(
        "--loop",
        is_flag=True,
        help="Interpolate between the last frame and the first as well, for what is shown again and again, as GIFs.",
    ),
    option(
        "--shutter",
        metavar="DEGREES",
        help="Average interpolated frames into the motion blur of a shutter that is open for so many degrees of 360, "
        "at the frame rate of the source.",
        default_text="no blur",
        example="--shutter 180",
        reads=parse_angle,
    ),
    option(
        "--shutter-samples",
        type=int,
        default=SAMPLES,
        metavar="NUMBER",
        help="Frames that are averaged for one, from 2 to 32; more are slower and smoother.",
        example="--shutter-samples 16",
    ),
    option(
        "--mask",
        type=click.Path(),
        metavar="PICTURE",
        help="Hold frames where this picture, of the size of the video, is white, as under a HUD or subtitles; gray is "
        "in between.",
        default_text="no mask",
        example="--mask hud.png",
        one_run=True,
    ),
    option(
        "--scene-threshold",
        type=float,
        default=0.2,
        help="Hold a frame before a cut, that is where two frames are less similar than this, from 0 to 1; 0 finds no "
        "cuts.",
        example="--scene-threshold 0.3",
    ),
    option(
        "--max-gap",
        metavar="TIME",
        default="0.5",
        help="Hold a frame over a gap in time longer than this, in seconds, and than 8 usual frames; 0 is no limit.",
        example="--max-gap 2",
        reads=parse_time,
    ),
]
