"""`fbnet convert`."""

from __future__ import annotations

from pathlib import Path

import click

from frame_booster.cli.errors import reported
from frame_booster.cli.fbnet.shared import FILE, check_writable, import_tensorflow
from frame_booster.cli.grouped import GroupedCommand


@click.command(cls=GroupedCommand)
@click.argument("source", type=FILE, metavar="IN")
@click.argument("target", type=FILE, metavar="OUT")
def convert(source: Path, target: Path) -> None:
    """Converts weights of FBNet-2 from its PyTorch reference to this program, or back.

    Both are .safetensors files; the direction follows from IN. The conversion is bit-exact in both directions.
    """
    with reported(program="fbnet"):
        check_writable(target)
        import_tensorflow()
        from frame_booster.network.fbnet_2.conversion import convert_file

        click.echo(f"{target}: in {convert_file(source, target)} form")
