"""`fbnet publish`."""

from __future__ import annotations

from pathlib import Path

import click

from frame_booster.cli.errors import reported
from frame_booster.cli.fbnet.shared import FOLDER, check_writable, need_training_packages
from frame_booster.cli.grouped import GroupedCommand


@click.command(cls=GroupedCommand)
@click.argument("weights", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Weights file to write (.safetensors).",
)
@click.option("--triplets", type=FOLDER, required=True, help="Folder of validation triplets with manifest.csv.")
@click.option("--training-data", required=True, help="What the weights were trained on.")
@click.option("--licence", required=True, help="Licence of the weights.")
@click.option("--fact", nargs=2, multiple=True, metavar="KEY VALUE", help="Another fact to record, such as steps 3200.")
def publish(
    weights: Path,
    output: Path,
    triplets: Path,
    training_data: str,
    licence: str,
    fact: tuple[tuple[str, str], ...],
) -> None:
    """Measures the WEIGHTS of a run again and writes them to OUTPUT with all facts as metadata."""
    with reported(program="fbnet"):
        check_writable(output)
        need_training_packages()
        from frame_booster.training.publishing.publish import publish as write

        facts = {**dict(fact), "training_data": training_data, "licence": licence}
        metadata = write(weights, output, triplets, facts)
        for key, value in sorted(metadata.items()):
            click.echo(f"{key}: {value}")
