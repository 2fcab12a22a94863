"""`fbnet export`."""

from __future__ import annotations

from pathlib import Path

import click

from frame_booster.cli.errors import reported
from frame_booster.cli.fbnet.shared import FILE, check_writable, import_tensorflow
from frame_booster.cli.grouped import GroupedCommand


@click.command(cls=GroupedCommand)
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
    help="Number format of a SavedModel's convolutions.",
)
def export(weights: Path, output: Path, precision: str) -> None:
    """Exports the network with WEIGHTS for other programs: inputs frame0, frame1 and t, output frame.

    Writes a TensorFlow SavedModel, or ONNX (needs the extra: pip install "frame-booster[export]").
    """
    with reported(program="fbnet"):
        check_writable(output)
        import_tensorflow()
        from frame_booster.training.publishing import export as writing

        if output.suffix == ".onnx":
            writing.export_onnx(weights, output)
        else:
            writing.export(weights, output, precision)
