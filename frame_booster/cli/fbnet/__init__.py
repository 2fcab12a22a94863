"""`fbnet`: making and judging weights."""

from __future__ import annotations

from pathlib import Path

import click

from frame_booster import __version__
from frame_booster.cli.errors import reported
from frame_booster.cli.laboratory import FILE, FOLDER, import_tensorflow, need_training_packages
from frame_booster.cli.laboratory.dataset import dataset
from frame_booster.cli.laboratory.evaluate import evaluate
from frame_booster.cli.laboratory.inspect import inspect


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Trains the networks and measures them. Needs the extra: pip install "frame-booster[train]"."""


for command in (dataset, evaluate, inspect):
    main.add_command(command)


@main.command()
@click.argument("config", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--clips", type=FOLDER, required=True, help="Training material: of `fbnet dataset`, or listed clips.")
@click.option("--validation", type=FOLDER, required=True, help="Validation triplets: of `fbnet dataset`, or pictures.")
@click.option("--run", "folder", type=FOLDER, required=True, help="Folder of the run; resumed if it has a checkpoint.")
@click.option("--cache", type=FOLDER, help="Folder for the decoded clips. Default: beside the run.")
@click.option("--start-from", type=click.Path(path_type=Path, dir_okay=False), help="Weights to start a new run from.")
@click.option("--validate-every", type=int, default=500, show_default=True, help="Steps between validations.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="To train on, several separated by commas (gpu:0,gpu:1), which share each batch; auto: all GPUs.",
)
@click.option("--tensorboard", is_flag=True, help="Write what TensorBoard shows to tensorboard/ in the run's folder.")
def train(
    config: Path,
    clips: Path,
    validation: Path,
    folder: Path,
    cache: Path | None,
    start_from: Path | None,
    validate_every: int,
    device: str,
    tensorboard: bool,
) -> None:
    """Trains the network that the TOML file CONFIG describes.

    Stops at the last step, or at Ctrl-C or SIGTERM after saving; the same command goes on from there.
    """
    with reported():
        need_training_packages()
        import_tensorflow()
        from frame_booster.training.config import load_config
        from frame_booster.training.run import TrainingRun

        cache = cache or folder.parent / "cache"
        run = TrainingRun(load_config(config), folder, clips, validation, cache, start_from, device)
        run.train(validate_every=validate_every, board=tensorboard)


@main.command()
@click.argument("weights", type=click.Path(path_type=Path, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--triplets", type=FOLDER, required=True, help="Folder of validation triplets with manifest.csv.")
@click.option("--training-data", required=True, help="What the weights were trained on.")
@click.option("--licence", required=True, help="Of the weights.")
def publish(weights: Path, output: Path, triplets: Path, training_data: str, licence: str) -> None:
    """Measures a run's WEIGHTS once more and writes them to OUTPUT with all facts about them."""
    with reported():
        need_training_packages()
        from frame_booster.training.publish import publish as write

        metadata = write(weights, output, triplets, {"training_data": training_data, "licence": licence})
        for key, value in sorted(metadata.items()):
            click.echo(f"{key}: {value}")


@main.command()
@click.argument("runs", nargs=-1, required=True, type=FOLDER)
@click.option("-o", "--output", type=FILE, required=True, help="Picture to write: .png, .svg or .pdf.")
@click.option("--against", type=click.Choice(["step", "hours"]), default="step", show_default=True)
def plot(runs: tuple[Path, ...], output: Path, against: str) -> None:
    """Draws loss and PSNR of the RUNS (folders of `fbnet train`) over their steps or hours."""
    with reported():
        need_training_packages()
        from frame_booster.training.plot import plot_curves

        plot_curves(list(runs), output, against=against)


@main.command()
@click.argument("weights", type=FILE)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the SavedModel, or a file that ends in .onnx; must not exist.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
    help="Of a SavedModel's convolutions.",
)
def export(weights: Path, output: Path, precision: str) -> None:
    """Writes WEIGHTS with their network for other programs: frame0, frame1, t -> frame.

    As a TensorFlow SavedModel, or as ONNX (needs the extra: pip install "frame-booster[onnx]").
    """
    with reported():
        import_tensorflow()
        from frame_booster.training import export as writing

        if output.suffix == ".onnx":
            writing.export_onnx(weights, output)
        else:
            writing.export(weights, output, precision)
