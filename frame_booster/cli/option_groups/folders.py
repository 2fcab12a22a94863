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
        help="In a folder: process only files whose names match.",
        default_text="all video suffixes",
        example='--pattern "*.mov"',
    ),
    option(
        "--suffix",
        metavar=".EXT",
        help="In a folder: suffix of the outputs, which chooses the container.",
        default_text="that of the input if it is kept, else .mkv",
        example="--suffix .mkv",
    ),
    option(
        "--skip-existing",
        is_flag=True,
        help="Skip inputs whose output exists and is complete. A damaged or too short output is made again.",
    ),
    option(
        "--retry-failed",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="REPORT",
        one_run=True,
        help="Process only inputs that failed in this report or are missing from it.",
        default_text="all inputs",
        example="--retry-failed night.jsonl",
    ),
    option(
        "--jobs",
        "-j",
        type=click.IntRange(1),
        default=1,
        metavar="NUMBER",
        help="Number of files to process at once; they share memory, cores and devices.",
        example="--jobs 2",
    ),
    option("--watch", is_flag=True, help="In a folder: also process files that arrive later, until interrupted."),
]
