"""`fbnet inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from frame_booster.cli.errors import reported
from frame_booster.cli.fbnet.shared import FILE, import_tensorflow, need_training_packages, size_of
from frame_booster.cli.grouped import GroupedCommand
from frame_booster.network.presets import PRESETS


@click.command(cls=GroupedCommand)
@click.argument("model", type=click.Choice(list(PRESETS)))
@click.option("--size", default="1280x720", show_default=True, metavar="WxH", help="Size of the frames, in pixels.")
@click.option("--weights", type=FILE, help="Weights to measure with. Default: those that ship.")
@click.option("--counts-only", is_flag=True, help="Only count; do not run the network.")
def inspect(model: str, size: str, weights: Path | None, counts_only: bool) -> None:
    """Prints the size and cost of MODEL, and how large a motion it follows.

    Parameters and convolution multiply-adds of each stage are counted in its graph. The receptive field, the largest
    motion that it follows and the memory of the process are measured by running it.
    """
    with reported(program="fbnet"):
        import_tensorflow()
        from frame_booster.training.evaluation.inspect import stage_costs

        width, height = size_of(size) or (1280, 720)
        costs = stage_costs(model, height, width)
        click.echo(f"{'stage':<20}{'parameters':>12}{'MACs/px':>12}")
        for cost in costs:
            click.echo(f"{cost.stage:<20}{cost.parameters:>12,}{cost.macs_per_pixel:>12,.0f}")
        total = sum(c.parameters for c in costs), sum(c.macs_per_pixel for c in costs)
        click.echo(f"{'all':<20}{total[0]:>12,}{total[1]:>12,.0f}")
        if counts_only:
            return
        need_training_packages()
        from frame_booster.engine.interpolator import load_model
        from frame_booster.training.evaluation import measure_reach

        side = 512
        radius = measure_reach.receptive_radius(
            load_model(model, weights, precision="float32", engine="tensorflow"), side
        )
        click.echo(f"receptive field: {'at least ' if 2 * radius >= side else ''}{2 * radius} px across")
        motion = measure_reach.largest_motion(load_model(model, weights, engine="tensorflow"), height, width)
        click.echo(f"largest motion followed at {width}x{height}: {motion} px between frames")
        if (peak := measure_reach.peak_memory()) is not None:
            click.echo(f"memory of this process: {peak / 2**20:,.0f} MiB at most")
