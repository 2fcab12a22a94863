"""The program `fbnet`, which trains, measures and exports networks; each command has a file."""

from __future__ import annotations

from frame_booster.cli.early_interrupt import ended_at_once

with ended_at_once("fbnet"):
    import click

    from frame_booster._version import __version__
    from frame_booster.cli.fbnet.convert import convert
    from frame_booster.cli.fbnet.dataset import dataset
    from frame_booster.cli.fbnet.evaluate import evaluate
    from frame_booster.cli.fbnet.export import export
    from frame_booster.cli.fbnet.flicker import flicker
    from frame_booster.cli.fbnet.inspect import inspect
    from frame_booster.cli.fbnet.plot import plot
    from frame_booster.cli.fbnet.publish import publish
    from frame_booster.cli.fbnet.train import train
    from frame_booster.cli.program import Program


@click.group("fbnet", cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Trains, measures and exports the networks. Needs the extra: pip install "frame-booster[train]"."""


for command in (dataset, evaluate, flicker, inspect, train, publish, plot, export, convert):
    main.add_command(command)
