"""`frame-booster INPUT -o OUTPUT`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from frame_booster import __version__
from frame_booster.cli.errors import reported
from frame_booster.errors import InputError
from frame_booster.options import BoostOptions, EncoderOptions, parse_time

EPILOG = (
    "Exit codes: 0 done, 2 input or option not usable, 3 decoding failed, 4 model, weights or device, "
    "5 encoder or container, 6 output not written, 130 interrupted."
)


def _key_values(options: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for option in options:
        key, equals, value = option.partition("=")
        if not key or not equals:
            raise InputError(f"--encoder-option {option!r} is not key=value")
        pairs.append((key, value))
    return tuple(pairs)


@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("input", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: INPUT.2x.mp4 beside the input.")
@click.option(
    "--factor", type=click.Choice(["2", "4", "8"]), default="2", show_default=True, help="Frames out for each frame in."
)
@click.option("-m", "--model", type=click.Choice(["fbnet-r", "fbnet"]), default="fbnet-r", show_default=True)
@click.option("--weights", type=click.Path(path_type=Path), help="Weights file (.safetensors) instead of the shipped.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, gpu or gpu:1.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
    default="auto",
    show_default=True,
    help="Of the convolutions.",
)
@click.option("--batch-size", type=int, help="Pairs of frames at once. Default: by frame size.")
@click.option(
    "--scene-threshold",
    type=float,
    default=0.2,
    show_default=True,
    help="Hold instead of blend where the similarity of two frames is below this; 0 is off.",
)
@click.option(
    "--max-gap",
    metavar="TIME",
    default="0.5",
    show_default=True,
    help="Hold instead of blend over a longer gap (of more than 8 usual frames, too); 0 is no limit.",
)
@click.option("--start", "-ss", "start", metavar="TIME", help="Begin here, as 12.5 or 00:01:02.5.")
@click.option("--duration", "-t", "duration", metavar="TIME", help="Take no more than this.")
@click.option("--codec", "-c:v", "codec", help="Video encoder. Default: libx264; libvpx-vp9 for .webm.")
@click.option("--crf", type=float, help="Constant quality; lower is better. Default: by encoder, 18 for libx264.")
@click.option("--preset", help="Speed of the encoder. Default: by encoder, medium for libx264.")
@click.option("--pix-fmt", "-pix_fmt", "pix_fmt", help="Pixel format of the output. Default: the source's.")
@click.option("--encoder-option", multiple=True, metavar="KEY=VALUE", help="Passed to the encoder; repeatable.")
@click.option("--overwrite", "-y", is_flag=True, help="Replace the output if it exists.")
@click.option("--quiet", "-q", is_flag=True, help="No progress, no warnings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object about the run on stdout.")
@click.version_option(__version__)
def main(input: Path, output: Path | None, quiet: bool, as_json: bool, **values: Any) -> None:
    """Doubles the frame rate of the video INPUT; audio, timing and colours stay as they are."""
    with reported(as_json=as_json):
        options = _options(values)
        from frame_booster.cli.progress import ProgressBar
        from frame_booster.pipeline.boost import run

        with ProgressBar(input.name, quiet=quiet) as bar:
            result = run(input, output, options, bar.update)
        if as_json:
            click.echo(json.dumps(result.as_json()))
        if not quiet:
            for warning in result.warnings:
                click.echo(f"frame-booster: warning: {warning}", err=True)
            rate = f" at {float(result.rate):.6g} fps" if result.rate else ""
            click.echo(
                f"{result.output}: {result.frames_out} frames{rate} from {result.frames_in} in {result.seconds:.1f} s",
                err=True,
            )


def _options(values: dict[str, Any]) -> BoostOptions:
    weights = values["weights"]
    return BoostOptions(
        model=values["model"],
        weights=None if weights is None else str(weights),
        device=values["device"],
        precision=values["precision"],
        batch_size=values["batch_size"],
        factor=int(values["factor"]),
        scene_threshold=values["scene_threshold"],
        max_gap=parse_time(values["max_gap"]),
        start=None if values["start"] is None else parse_time(values["start"]),
        duration=None if values["duration"] is None else parse_time(values["duration"]),
        overwrite=values["overwrite"],
        encoder=EncoderOptions(
            codec=values["codec"],
            crf=values["crf"],
            preset=values["preset"],
            pix_fmt=values["pix_fmt"],
            options=_key_values(values["encoder_option"]),
        ),
    )
