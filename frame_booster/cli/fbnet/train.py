"""`fbnet train`."""

from __future__ import annotations

from pathlib import Path

import click

from frame_booster.cli.errors import reported
from frame_booster.cli.fbnet.shared import FOLDER, import_tensorflow, need_training_packages
from frame_booster.cli.grouped import GroupedCommand


@click.command(cls=GroupedCommand)
@click.argument("config", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--clips",
    type=FOLDER,
    required=True,
    multiple=True,
    help="Training clips: a set made by `fbnet dataset`, or listed clips. Can be given several times.",
)
@click.option(
    "--validation", type=FOLDER, required=True, help="Validation triplets: a set made by `fbnet dataset`, or images."
)
@click.option("--run", "folder", type=FOLDER, required=True, help="Folder of the run; resumed if it has a checkpoint.")
@click.option("--cache", type=FOLDER, help="Folder for the decoded clips. Default: beside the run.")
@click.option("--start-from", type=click.Path(path_type=Path, dir_okay=False), help="Weights to start a new run from.")
@click.option(
    "--validate-every", type=click.IntRange(1), default=500, show_default=True, help="Steps between validations."
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Devices to train on, separated by commas (gpu:0,gpu:1), which share each batch; auto: all GPUs.",
)
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard data to tensorboard/ in the folder of the run.")
def train(
    config: Path,
    clips: tuple[Path, ...],
    validation: Path,
    folder: Path,
    cache: Path | None,
    start_from: Path | None,
    validate_every: int,
    device: str,
    tensorboard: bool,
) -> None:
    """Trains the network that the TOML file CONFIG describes.

    Ctrl-C and SIGTERM save the run; the same command continues from there.
    """
    with reported(program="fbnet"):
        need_training_packages()
        import_tensorflow()
        from frame_booster.training.config import load_config
        from frame_booster.training.loop.fused_run import open_run

        if tensorboard:
            from frame_booster.training.loop.tensorboard import check_tensorboard

            # Before clips are decoded, which can take hours.
            check_tensorboard()
        cache = cache or folder.parent / "cache"
        run = open_run(load_config(config), folder, clips, validation, cache, start_from, device)
        run.train(validate_every=validate_every, tensorboard=tensorboard)
