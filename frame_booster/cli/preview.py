"""`frame-booster INPUT --preview`: ten places of a video on a page, and how long the whole would take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from frame_booster.cli.compare import tell_page
from frame_booster.cli.display import Display
from frame_booster.errors import InputError, printable
from frame_booster.options import BoostOptions

if TYPE_CHECKING:
    from frame_booster.pipeline.cluster.options import ClusterOptions
    from frame_booster.pipeline.comparison.places import Place


def preview_one(
    input: str,
    output: str | None,
    options: BoostOptions,
    cluster: ClusterOptions | None,
    report: Path | None,
    display: Display,
    *,
    as_json: bool,
) -> None:
    """Makes the page of one video and tells of it.

    Raises:
      FrameBoosterError: it cannot be made, or an option has no meaning for it.
    """
    if cluster is not None or report is not None or options.resume:
        raise InputError("--preview excludes --cluster, --report and --resume", hint="remove one of them")
    from frame_booster.media.paths import input_path, is_picture_folder
    from frame_booster.pipeline.comparison.facts import clock
    from frame_booster.pipeline.comparison.preview import duration_text, preview

    path = input_path(input)
    if path.is_dir() and not is_picture_folder(path):
        raise InputError("is a folder of videos, but --preview takes one video", path=path, hint="choose one of them")

    def tell(place: Place, number: int, of: int) -> None:
        display.event("place", file=input, number=number, of=of, start=str(place.start), reason=place.reason)
        if display.form in ("bar", "plain"):
            where = f"place {number} of {of}, at {clock(place.start)}"
            click.echo(f"{printable(path.name)}: {where}: {place.reason}", err=True)

    made = preview(input, output, options, tell)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "preview": str(made.page.path),
                    "places": [
                        {"start": str(place.start), "length": str(place.length), "reason": place.reason}
                        for place in made.places
                    ],
                    "whole_seconds": None if made.whole_seconds is None else round(made.whole_seconds, 1),
                    "seconds": made.page.seconds,
                }
            )
        )
    if display.form in ("bar", "plain"):
        tell_page(made.page)
        if made.whole_seconds is not None:
            click.echo(
                f"estimated time for the whole video on this machine: {duration_text(made.whole_seconds)}", err=True
            )
