"""Options of a run over several inputs, such as a folder of videos."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from frame_booster.cli import grouped

option = partial(grouped.option, grouped.FOLDERS)

OPTIONS = [
    option(
        "--pattern",
        metavar="GLOB",
        help="In a folder: which files are boosted, by their names.",
        default_text="every suffix of a video",
        example='--pattern "*.mov"',
    ),
    option(
        "--suffix",
        metavar=".EXT",
        help="In a folder: suffix of the results, which chooses the container.",
        default_text="the input's where it can be kept, else .mkv",
        example="--suffix .mkv",
    ),
    option(
        "--skip-existing",
        is_flag=True,
        help="Leave inputs alone whose outputs are there and whole; one that is broken or too short is made again.",
    ),
    option(
        "--retry-failed",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="REPORT",
        one_run=True,
        help="Of the inputs, boost only those that failed in this report or are missing from it.",
        default_text="all inputs",
        example="--retry-failed night.jsonl",
    ),
    option(
        "--jobs",
        "-j",
        type=click.IntRange(1),
        default=1,
        metavar="NUMBER",
        help="Files at once, where there are several; they share memory, cores and devices.",
        example="--jobs 2",
    ),
    option("--watch", is_flag=True, help="In a folder: go on with files that come later, until interrupted."),
]
