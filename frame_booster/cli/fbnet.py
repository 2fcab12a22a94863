"""`fbnet`: making and judging weights."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from frame_booster import __version__
from frame_booster.cli.errors import reported
from frame_booster.errors import InputError, OutputError

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Trains the networks and measures them. Needs the extra: pip install "frame-booster[train]"."""


def _need_training_packages() -> None:
    try:
        import cv2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise InputError(f"{error.name} is not installed", hint='pip install "frame-booster[train]"') from error


@main.command()
@click.argument("videos", type=_FOLDER)
@click.option("-o", "--output", type=_FOLDER, required=True, help="Folder for train/ and val/.")
@click.option("--short-side", type=click.IntRange(64), default=256, show_default=True, help="Of the clips, px.")
@click.option(
    "--validation",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.05,
    show_default=True,
    help="Share of the videos kept for validation.",
)
@click.option("--licence", default="own", show_default=True, help="Of the videos, noted in the manifest.")
@click.option("--not-permissive", is_flag=True, help="The licence does not allow to pass weights on.")
@click.option("--max-clips", type=click.IntRange(1), default=100, show_default=True, help="Of one video at most.")
@click.option("--jobs", "-j", type=click.IntRange(1), default=1, show_default=True, help="Videos at once.")
def dataset(
    videos: Path,
    output: Path,
    short_side: int,
    validation: float,
    licence: str,
    not_permissive: bool,
    max_clips: int,
    jobs: int,
) -> None:
    """Makes training clips and validation triplets of all videos below the folder VIDEOS.

    Cuts, still stretches, repeated frames and flashes are left out; motion is measured. A video goes whole into
    training or into validation. Stopped, the same command goes on.
    """
    with reported():
        _need_training_packages()
        from frame_booster.training.dataset import DatasetOptions, build

        options = DatasetOptions(short_side, validation, licence, not not_permissive, max_clips)
        made = build(videos, output, options, jobs=jobs)
        click.echo(", ".join(f"{count} {what}" for what, count in made.items()), err=True)
        if not made["clips"]:
            raise InputError("no clip could be made: too short, or nothing moves", path=videos)


@main.command()
@click.argument("config", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--clips", type=_FOLDER, required=True, help="Folder of training clips with manifest.csv.")
@click.option("--validation", type=_FOLDER, required=True, help="Folder of triplets with manifest.csv.")
@click.option("--run", "folder", type=_FOLDER, required=True, help="Folder of the run; resumed if it has a checkpoint.")
@click.option("--cache", type=_FOLDER, help="Folder for the decoded clips. Default: beside the run.")
@click.option("--start-from", type=click.Path(path_type=Path, dir_okay=False), help="Weights to start a new run from.")
@click.option("--validate-every", type=int, default=500, show_default=True, help="Steps between validations.")
def train(
    config: Path,
    clips: Path,
    validation: Path,
    folder: Path,
    cache: Path | None,
    start_from: Path | None,
    validate_every: int,
) -> None:
    """Trains the network that the TOML file CONFIG describes.

    Stops at the last step, or at Ctrl-C or SIGTERM after saving; the same command goes on from there.
    """
    with reported():
        _need_training_packages()
        from frame_booster.engine.device import tensorflow

        tensorflow()
        from frame_booster.training.config import load_config
        from frame_booster.training.run import TrainingRun

        run = TrainingRun(load_config(config), folder, clips, validation, cache or folder.parent / "cache", start_from)
        run.train(validate_every=validate_every)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=path) from error


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise InputError(f"size {text!r} is not WIDTHxHEIGHT")
    return int(width), int(height)


@main.command()
@click.argument("weights", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--triplets", type=_FOLDER, required=True, help="Folder of triplets with manifest.csv.")
@click.option("--size", metavar="WxH", help="Scale to this first, by area averaging.")
@click.option("--every", is_flag=True, help="All listed triplets, not only im1-im2-im3 of each snippet.")
@click.option("--precision", default="auto", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout instead of a table.")
@click.option("--csv", "csv_file", type=_FILE, help="Write the figures of every triplet to this file.")
@click.option("--html", "html_file", type=_FILE, help="Write one page with table, plot, worst and best cases.")
@click.option("--panels", type=_FOLDER, help="Write the six panels of the published figures of every triplet here.")
def evaluate(
    weights: tuple[Path, ...],
    triplets: Path,
    size: str | None,
    every: bool,
    precision: str,
    as_json: bool,
    csv_file: Path | None,
    html_file: Path | None,
    panels: Path | None,
) -> None:
    """Measures WEIGHTS (default: those that ship) beside repetition, blending and DIS optical flow.

    PSNR in dB and SSIM on 8-bit RGB, mean over triplets, in all and by mean motion.
    """
    with reported(as_json=as_json):
        _need_training_packages()
        from frame_booster.engine.model import shipped_weights
        from frame_booster.training import evaluate as evaluation
        from frame_booster.training.triplets import read_triplets

        files = weights or tuple(shipped_weights(name) for name in ("fbnet", "fbnet-r"))
        methods: dict[str, evaluation.Method] = {
            "repetition": evaluation.repetition,
            "blending": evaluation.blending,
            "DIS flow": evaluation.optical_flow,
        }
        for file in files:
            methods[str(file) if weights else file.stem] = evaluation.network_method(file, precision=precision)
        from frame_booster.training import panels as drawing
        from frame_booster.training.clips import FrameArray
        from frame_booster.training.triplets import Triplet

        judged = list(methods)[-1]
        pictures: dict[str, FrameArray] = {}

        def seen(triplet: Triplet, made: dict[str, FrameArray]) -> None:
            if html_file is not None:
                pictures[triplet.name] = drawing.side_by_side(triplet, made)
            if panels is not None:
                drawing.write_png(panels / f"{triplet.name}.png", drawing.six_panels(triplet, made[judged]))

        cases = evaluation.measure(read_triplets(triplets, size=_size(size), every=every), methods, seen)
        scores = evaluation.summarise(cases)
        if csv_file is not None:
            _write(csv_file, evaluation.as_csv(cases))
        if html_file is not None:
            _write(html_file, drawing.page(scores, cases, pictures, judged))
        click.echo(evaluation.as_json(scores) if as_json else evaluation.table(scores), file=sys.stdout)


@main.command()
@click.argument("weights", type=click.Path(path_type=Path, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--triplets", type=_FOLDER, required=True, help="Folder of validation triplets with manifest.csv.")
@click.option("--training-data", required=True, help="What the weights were trained on.")
@click.option("--licence", required=True, help="Of the weights.")
def publish(weights: Path, output: Path, triplets: Path, training_data: str, licence: str) -> None:
    """Measures a run's WEIGHTS once more and writes them to OUTPUT with all facts about them."""
    with reported():
        _need_training_packages()
        from frame_booster.training.publish import publish as write

        metadata = write(weights, output, triplets, {"training_data": training_data, "licence": licence})
        for key, value in sorted(metadata.items()):
            click.echo(f"{key}: {value}")


@main.command()
@click.argument("model", type=click.Choice(["fbnet-r", "fbnet"]))
@click.option("--size", default="1280x720", show_default=True, metavar="WxH")
def inspect(model: str, size: str) -> None:
    """Counts the parameters and convolution multiply-adds of MODEL, stage by stage."""
    with reported():
        from frame_booster.engine.device import tensorflow

        tensorflow()
        from frame_booster.training.inspect import stage_costs

        width, height = _size(size) or (1280, 720)
        costs = stage_costs(model, height, width)
        click.echo(f"{'stage':<20}{'parameters':>12}{'MACs/px':>12}")
        for cost in costs:
            click.echo(f"{cost.stage:<20}{cost.parameters:>12,}{cost.macs_per_pixel:>12,.0f}")
        total = sum(c.parameters for c in costs), sum(c.macs_per_pixel for c in costs)
        click.echo(f"{'all':<20}{total[0]:>12,}{total[1]:>12,.0f}")


@main.command()
@click.argument("runs", nargs=-1, required=True, type=_FOLDER)
@click.option("-o", "--output", type=_FILE, required=True, help="Picture to write: .png, .svg or .pdf.")
@click.option("--against", type=click.Choice(["step", "hours"]), default="step", show_default=True)
def plot(runs: tuple[Path, ...], output: Path, against: str) -> None:
    """Draws loss and PSNR of the RUNS (folders of `fbnet train`) over their steps or hours."""
    with reported():
        _need_training_packages()
        from frame_booster.training.plot import plot_curves

        plot_curves(list(runs), output, against=against)


@main.command()
@click.argument("weights", type=_FILE)
@click.option("-o", "--output", type=_FOLDER, required=True, help="Folder of the SavedModel, which must not exist.")
@click.option(
    "--precision", type=click.Choice(["float32", "bfloat16", "float16"]), default="float32", show_default=True
)
def export(weights: Path, output: Path, precision: str) -> None:
    """Writes WEIGHTS with their network as a TensorFlow SavedModel: frame0, frame1, t -> frame."""
    with reported():
        from frame_booster.engine.device import tensorflow

        tensorflow()
        from frame_booster.training.export import export as write

        write(weights, output, precision)
