"""`frame-booster compare BEFORE AFTER`: both videos on one page."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from frame_booster.cli.completion import complete_input
from frame_booster.cli.display import Display
from frame_booster.cli.errors import reported
from frame_booster.cli.grouped import COMMON, GroupedCommand, option
from frame_booster.errors import printable
from frame_booster.network.presets import PRESETS
from frame_booster.option_values import parse_position

if TYPE_CHECKING:
    from frame_booster.pipeline.comparison.compare import Page


@click.command(cls=GroupedCommand)
@click.argument("before", shell_complete=complete_input)
@click.argument("after", shell_complete=complete_input)
@option(
    COMMON,
    "--output",
    "-o",
    metavar="PAGE",
    help="File name of the page, which ends in .html.",
    default_text="AFTER.compare.html beside AFTER.mp4",
    example="-o page.html",
)
@option(
    COMMON,
    "--start",
    "-ss",
    "start",
    metavar="TIME",
    help="Start here in BEFORE, at a time in seconds or as HH:MM:SS.fraction, or at a timecode.",
    default_text="the beginning",
    example="--start 1:20",
    reads=parse_position,
)
@option(
    COMMON,
    "--duration",
    "-t",
    "duration",
    metavar="TIME",
    help="Length of BEFORE to show.",
    default_text="60 s",
    example="--duration 10",
    reads=parse_position,
)
@option(
    COMMON,
    "--to",
    "-to",
    "end",
    metavar="TIME",
    help="End here in BEFORE, instead of --duration.",
    default_text="by --duration",
    example="--to 1:30",
    reads=parse_position,
)
@option(
    COMMON,
    "--offset",
    metavar="TIME",
    help="Time in BEFORE at which AFTER starts, if it was made with --start.",
    default_text="0",
    example="--offset 1:20",
    reads=parse_position,
)
@option(
    COMMON,
    "--report",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Report of the run that made AFTER, from its --report or --json.",
    default_text="one beside AFTER, if there is one",
    example="--report report.json",
)
@option(
    COMMON,
    "--model",
    "-m",
    type=click.Choice([*PRESETS, "pictures"]),
    help="Network that ranks interpolated frames by how sure it is of them; pictures ranks without a network.",
    default_text="that of the report",
    example="--model pictures",
)
@option(
    COMMON,
    "--device",
    metavar="NAME",
    default="auto",
    help="Device of the network: auto, cpu, gpu or gpu:1.",
    example="--device cpu",
)
@option(COMMON, "--overwrite", "-y", is_flag=True, help="Replace the page if it exists.")
@option(COMMON, "--quiet", "-q", is_flag=True, help="No progress and no notes.")
def compare(
    before: str,
    after: str,
    output: str | None,
    start: str | None,
    duration: str | None,
    end: str | None,
    offset: str | None,
    report: Path | None,
    model: str | None,
    device: str,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Writes a page for a browser that compares the video BEFORE with its boosted version AFTER.

    The page is one file that works offline: both videos in sync with a slider between them, the interpolated frames
    that the network is least sure of, and the report of the run.
    """
    with reported():
        begin, last, length = (None if text is None else parse_position(text) for text in (start, end, duration))
        from frame_booster.cli.progress import ProgressBar
        from frame_booster.pipeline.comparison.compare import CompareOptions
        from frame_booster.pipeline.comparison.compare import compare as make
        from frame_booster.pipeline.job import Progress

        options = CompareOptions(
            start=begin,
            end=last,
            duration=length,
            offset=parse_position(offset or "0"),
            report=report,
            model=model,
            device=device,
            overwrite=overwrite,
        )
        with ProgressBar(after, Display(quiet=quiet)) as bar:
            seconds = stopwatch()
            page = make(before, after, output, options, lambda n, total: bar.update(Progress(n, total, seconds())))
        if not quiet:
            tell_page(page)


def stopwatch() -> Callable[[], float]:
    """Returns what tells the seconds since now."""
    began = time.monotonic()
    return lambda: time.monotonic() - began


def tell_page(page: Page) -> None:
    """Says on stderr what was written, and what there is to know of it."""
    for note in page.notes:
        click.echo(f"frame-booster: note: {printable(note)}", err=True)
    click.echo(
        f"{printable(page.path)}: {page.frames} frames, {page.interpolated} of them interpolated, "
        f"{page.size / 1e6:.1f} MB, in {page.seconds:.1f} s; open it in a browser",
        err=True,
    )
