"""`fbnet plot`."""

from __future__ import annotations

from pathlib import Path

import click

from frame_booster.cli.errors import reported
from frame_booster.cli.fbnet.shared import FILE, FOLDER, check_writable, need_training_packages
from frame_booster.cli.grouped import GroupedCommand


@click.command(cls=GroupedCommand)
@click.argument("runs", nargs=-1, required=True, type=FOLDER)
@click.option("-o", "--output", type=FILE, required=True, help="Image to write: .png, .svg or .pdf.")
@click.option(
    "--against",
    type=click.Choice(["step", "hours"]),
    default="step",
    show_default=True,
    help="Quantity on the x axis.",
)
def plot(runs: tuple[Path, ...], output: Path, against: str) -> None:
    """Plots loss and PSNR of RUNS (folders of `fbnet train`) over steps or hours."""
    with reported(program="fbnet"):
        check_writable(output)
        need_training_packages()
        from frame_booster.training.evaluation.plot import plot_curves

        plot_curves(list(runs), output, against=against)
