"""Options that say when frames are shown, and where none is interpolated."""

from __future__ import annotations

from functools import partial

import click

from frame_booster.cli import grouped
from frame_booster.options import parse_time

option = partial(grouped.option, grouped.TIMING)

OPTIONS = [
    option(
        "--slow-motion",
        type=click.Choice(["2", "4", "8"]),
        help="Make the output this many times as long, at the frame rate of the source.",
        default_text="as long as the source",
        example="--slow-motion 4 --slow-audio stretch",
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
