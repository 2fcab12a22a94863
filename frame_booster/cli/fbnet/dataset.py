"""`fbnet dataset`."""

from __future__ import annotations

from pathlib import Path

import click

from frame_booster.cli.errors import reported
from frame_booster.cli.fbnet.shared import FOLDER, import_tensorflow, need_training_packages, size_of
from frame_booster.cli.grouped import GroupedCommand
from frame_booster.errors import InputError

_LAYOUTS = ("auto", "videos", "sequences", "vimeo-triplet", "vimeo-septuplet", "davis", "middlebury", "ucf101", "x4k")


@click.command(cls=GroupedCommand)
@click.argument("source", type=FOLDER)
@click.option("-o", "--output", type=FOLDER, required=True, help="Folder in which train/ and val/ are made.")
@click.option(
    "--layout",
    type=click.Choice([*_LAYOUTS, "synthetic"]),
    default="auto",
    show_default=True,
    help="Layout of SOURCE. synthetic makes triplets by moving its images over each other.",
)
@click.option(
    "--size", metavar="WxH", help="Scale all frames to this size by area averaging; smaller frames are left out."
)
@click.option(
    "--short-side",
    type=click.IntRange(64),
    default=256,
    show_default=True,
    help="Short side of the frames if there is no --size, in pixels.",
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.05,
    show_default=True,
    help="Share of the sources used for validation, if the layout does not define it.",
)
@click.option("--licence", default="own", show_default=True, help="Licence of the source, recorded in the manifest.")
@click.option("--not-permissive", is_flag=True, help="Record that the licence does not allow weights to be passed on.")
@click.option(
    "--max-clips", type=click.IntRange(1), default=100, show_default=True, help="Maximum number of clips of one video."
)
@click.option(
    "--coding",
    type=click.Choice(["jpeg", "png"]),
    default="jpeg",
    show_default=True,
    help="How training frames are stored.",
)
@click.option("--count", type=click.IntRange(1), default=1000, show_default=True, help="Number of synthetic triplets.")
@click.option(
    "--reach",
    type=click.FloatRange(1, 100),
    default=100,
    show_default=True,
    help="Largest motion of synthetic triplets, in pixels.",
)
@click.option("--seed", default=1, show_default=True, help="Seed of the motion of synthetic triplets.")
@click.option(
    "--jobs", "-j", type=click.IntRange(1), default=1, show_default=True, help="Number of sources to read at once."
)
def dataset(
    source: Path,
    output: Path,
    layout: str,
    size: str | None,
    short_side: int,
    validation: float,
    licence: str,
    not_permissive: bool,
    max_clips: int,
    coding: str,
    count: int,
    reach: float,
    seed: int,
    jobs: int,
) -> None:
    """Makes training and validation sets (TFRecords) from the folder SOURCE.

    SOURCE holds videos, folders of images, or a published set (Vimeo90K, DAVIS, Middlebury, UCF101, X4K1000FPS). Cuts,
    still parts, repeated frames, flashes and fades are left out, and motion is measured. All of a source goes into
    either training or validation. After an interruption, the same command continues.
    """
    with reported(program="fbnet"):
        need_training_packages()
        import_tensorflow()
        from frame_booster.training.data.dataset import DatasetOptions, build

        options = DatasetOptions(
            layout=layout,
            size=size_of(size),
            short_side=short_side,
            validation=validation,
            licence=licence,
            permissive=not not_permissive,
            max_clips=max_clips,
            coding=coding,
            count=count,
            reach=reach,
            seed=seed,
        )
        made = build(source, output, options, jobs=jobs)
        click.echo(", ".join(f"{number} {what}" for what, number in made.items()), err=True)
        if not made["clips"] and not made["triplets"]:
            hint = "use sources that are longer, larger or have motion"
            raise InputError("contains nothing to make clips or triplets of", path=source, hint=hint)
