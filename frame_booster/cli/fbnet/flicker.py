"""`fbnet flicker`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from frame_booster.cli.errors import reported
from frame_booster.cli.fbnet.shared import FILE, import_tensorflow, need_training_packages, size_of
from frame_booster.cli.grouped import GroupedCommand
from frame_booster.network.presets import PRESETS


@click.command(cls=GroupedCommand)
@click.argument("clips", nargs=-1, required=True, type=FILE)
@click.option("--weights", type=FILE, multiple=True, help="Also measure these weights.")
@click.option("--size", metavar="WxH", help="First scale and crop to this size by area averaging.")
@click.option(
    "--frames",
    type=click.IntRange(min=13),
    default=240,
    show_default=True,
    help="Number of frames to read of each clip.",
)
@click.option(
    "--precision", default="auto", show_default=True, help="Number format of the convolutions, such as float32."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def flicker(
    clips: tuple[Path, ...],
    weights: tuple[Path, ...],
    size: str | None,
    frames: int,
    precision: str,
    as_json: bool,
) -> None:
    """Measures how much CLIPS flicker if every second frame is interpolated.

    Every second frame is removed and interpolated again, by each network that ships and by blending. The figure is the
    difference in brightness and contrast that interpolated frames have in common over 24 frames, against the true
    ones, in 8-bit code values, mean over the image: 0 is the clip itself, lower is better.
    """
    with reported(program="fbnet", as_json=as_json):
        need_training_packages()
        import_tensorflow()
        from frame_booster.engine.model import shipped_weights
        from frame_booster.training.evaluation.flicker import flicker_of, table
        from frame_booster.training.evaluation.methods import Method, blending, interpolator_of

        methods: dict[str, Method] = {"blending": blending}
        shipped = {name: shipped_weights(name) for name in reversed(PRESETS)}
        for name, file in {**shipped, **{str(file): file for file in weights}}.items():
            methods[name] = interpolator_of(file, precision=precision).interpolate
        found = [one for clip in clips for one in flicker_of(clip, methods, size_of(size), frames)]
        click.echo(json.dumps([asdict(one) for one in found], indent=1) if as_json else table(found), file=sys.stdout)
