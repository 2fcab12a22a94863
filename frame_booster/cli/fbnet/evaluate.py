"""`fbnet evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from frame_booster.cli.errors import reported
from frame_booster.cli.fbnet.shared import (
    FILE,
    FOLDER,
    check_writable,
    import_tensorflow,
    need_training_packages,
    size_of,
)
from frame_booster.cli.grouped import GroupedCommand
from frame_booster.errors import InputError, OutputError
from frame_booster.network.presets import PRESETS

if TYPE_CHECKING:
    from frame_booster.training.data.manifest import FrameArray
    from frame_booster.training.data.triplets import Triplet
    from frame_booster.training.evaluation.evaluate import Case
    from frame_booster.training.perceptual.st_lpips import StLpips


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=path) from error


def _perceptual(wanted: bool | None) -> StLpips | None:
    """Loads ST-LPIPS; returns None if it is not wanted, or neither requested nor installed."""
    from frame_booster.training.perceptual import weights
    from frame_booster.training.perceptual.st_lpips import load_st_lpips

    if wanted is None and not weights.st_lpips_is_available():
        click.echo(f"ST-LPIPS is left out because its weights are not installed: {weights.HINT}", err=True)
        return None
    return None if wanted is False else load_st_lpips("alexnet")


def _names(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Returns the folders by the names of their sets: the folder's name, or its path where several have the same
    name."""
    short = [folder.absolute().name for folder in folders]
    return {
        name if short.count(name) == 1 else str(folder): folder for name, folder in zip(short, folders, strict=True)
    }


@click.command(cls=GroupedCommand)
@click.argument("weights", nargs=-1, type=FILE)
@click.option(
    "--triplets",
    type=FOLDER,
    required=True,
    multiple=True,
    help="A set made by `fbnet dataset`, or triplets with manifest.csv. Can be given several times.",
)
@click.option("--size", metavar="WxH", help="First scale to this size by area averaging, in pixels.")
@click.option("--every", is_flag=True, help="Measure all triplets, not only one for each snippet.")
@click.option(
    "--even",
    is_flag=True,
    help="Measure against the true frame moved to where linear motion would have it, since two frames do not show "
    "how motion deviates from that.",
)
@click.option("--only", is_flag=True, help="Measure only WEIGHTS and blending, not the networks that ship.")
@click.option(
    "--st-lpips/--no-st-lpips",
    default=None,
    help="Measure ST-LPIPS too. Default: if its weights are installed (the extra `perceptual`).",
)
@click.option(
    "--precision", default="auto", show_default=True, help="Number format of the convolutions, such as float32."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--csv", "csv_file", type=FILE, help="Write the figures of every triplet to this file.")
@click.option("--html", "html_file", type=FILE, help="Write one page with tables, plots and the worst twenty triplets.")
@click.option(
    "--panels", type=FOLDER, help="Write images of every triplet to this folder: its six panels and its flows."
)
def evaluate(
    weights: tuple[Path, ...],
    triplets: tuple[Path, ...],
    size: str | None,
    every: bool,
    even: bool,
    only: bool,
    st_lpips: bool | None,
    precision: str,
    as_json: bool,
    csv_file: Path | None,
    html_file: Path | None,
    panels: Path | None,
) -> None:
    """Compares WEIGHTS with the networks that ship, repetition, blending and DIS optical flow.

    Prints a table for each set: PSNR in dB, SSIM and ST-LPIPS (times 1000, on AlexNet; lower is better) on 8-bit RGB,
    mean over all triplets and by mean motion. A set can also be a published one in its own layout: Vimeo90K,
    Middlebury, UCF101, X4K1000FPS. Pages and panels show the last of WEIGHTS, or the default network.
    """
    with reported(program="fbnet", as_json=as_json):
        check_writable(csv_file, html_file)
        need_training_packages()
        import_tensorflow()
        from frame_booster.engine.model import shipped_weights
        from frame_booster.training.data.linear_motion import triplet_with_linear_motion
        from frame_booster.training.data.triplets import read_triplets
        from frame_booster.training.evaluation import evaluate as evaluation
        from frame_booster.training.evaluation import figures, tables
        from frame_booster.training.evaluation.methods import WITHOUT_A_NETWORK, interpolator_of
        from frame_booster.training.evaluation.page import WorstTriplets, page

        if only and not weights:
            raise InputError("--only needs WEIGHTS to measure")
        perceptual = _perceptual(st_lpips)
        without = WITHOUT_A_NETWORK.items()
        methods = {name: method for name, method in without if not only or name == "blending"}
        # The default last: without WEIGHTS it is the one that pages and panels show.
        shipped = {} if only else {name: shipped_weights(name) for name in reversed(PRESETS)}
        for name, file in {**shipped, **{str(file): file for file in weights}}.items():
            model = interpolator_of(file, precision=precision)
            methods[name] = model.interpolate
        judged = list(methods)[-1]
        worst = WorstTriplets(judged)

        def seen(triplet: Triplet, made: dict[str, FrameArray], cases: list[Case]) -> None:
            if html_file is not None:
                worst.see(triplet, made, cases)
            if panels is not None:
                name = figures.file_name(cases[0].set, triplet.name)
                figures.write_png(panels / f"{name}.png", figures.six_panels(triplet, made[judged]))
                figures.write_png(panels / f"{name}.flow.png", figures.flow_panels(model.model.network, triplet))

        cases: list[Case] = []
        for name, folder in _names(triplets).items():
            measured = read_triplets(folder, size=size_of(size), every=every)
            given = map(triplet_with_linear_motion, measured) if even else measured
            cases += evaluation.measure(given, methods, seen, name=name, perceptual=perceptual)
        scores = evaluation.summarise(cases)
        if csv_file is not None:
            _write(csv_file, tables.as_csv(cases))
        if html_file is not None:
            _write(html_file, page(scores, worst))
        click.echo(tables.as_json(scores) if as_json else tables.table(scores), file=sys.stdout)
