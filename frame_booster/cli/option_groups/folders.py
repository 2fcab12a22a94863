"""Options of a run over a folder of videos."""

from __future__ import annotations

from functools import partial

import click

from frame_booster.cli import grouped

option = partial(grouped.option, grouped.FOLDERS)

OPTIONS = [
    option(
        "--pattern",
        metavar="GLOB",
        help="In a folder: which files are boosted, by their names.",
        default_text="every suffix of a video",
        example="--pattern '*.mov'",
    ),
    option(
        "--suffix",
        metavar=".EXT",
        help="In a folder: suffix of the results, which chooses the container.",
        default_text="the input's where it can be kept, else .mkv",
        example="--suffix .mkv",
    ),
    option("--skip-existing", is_flag=True, help="In a folder: leave files alone that have a result."),
    option(
        "--jobs",
        "-j",
        type=click.IntRange(1),
        default=1,
        metavar="NUMBER",
        help="In a folder: files at once; they share memory, cores and devices.",
        example="--jobs 2",
    ),
    option("--watch", is_flag=True, help="In a folder: go on with files that come later, until interrupted."),
]
