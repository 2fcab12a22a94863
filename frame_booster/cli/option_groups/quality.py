"""Options that say how good the frames are: the network, and the encoder."""

from __future__ import annotations

from functools import partial

import click

from frame_booster.cli import grouped
from frame_booster.cli.completion import complete_encoders, complete_pixel_formats
from frame_booster.network.presets import DEFAULT, FLOW_SCALES, PRESETS
from frame_booster.options import DEINTERLACING

option = partial(grouped.option, grouped.QUALITY)

_NETWORKS = "; ".join(f"{name}, {preset.in_brief}" if preset.in_brief else name for name, preset in PRESETS.items())

OPTIONS = [
    option(
        "-m",
        "--model",
        type=click.Choice(list(PRESETS)),
        default=DEFAULT,
        help=f"The network: {_NETWORKS}.",
        example=f"--model {[*PRESETS][1]}",
    ),
    option(
        "--codec",
        "-c:v",
        "-vcodec",
        "codec",
        metavar="NAME",
        help="Video encoder, by FFmpeg's name; see --list-encoders.",
        default_text="libx264, or one that suits the container",
        example="--codec libx265",
        shell_complete=complete_encoders,
    ),
    option(
        "--crf",
        "-crf",
        "crf",
        type=float,
        metavar="NUMBER",
        help="Constant quality on the encoder's own scale; lower is better and larger.",
        default_text="depends on the encoder, 18 for libx264",
        example="--crf 16",
    ),
    option(
        "--preset",
        "-preset",
        "preset",
        metavar="NAME",
        help="Speed of the encoder; a slower preset makes smaller files of the same quality.",
        default_text="depends on the encoder, medium for libx264",
        example="--preset slow",
    ),
    option(
        "--pix-fmt",
        "-pix_fmt",
        "pix_fmt",
        metavar="NAME",
        help="Pixel format of the output, by FFmpeg's name.",
        default_text="that of the source, or the nearest that the encoder supports",
        example="--pix-fmt yuv420p10le",
        shell_complete=complete_pixel_formats,
    ),
    option(
        "--encoder-option",
        multiple=True,
        metavar="KEY=VALUE",
        help="Option for the encoder, passed on unchanged. Can be given several times.",
        default_text="none",
        example="--encoder-option tune=animation",
    ),
    option(
        "--flow-scale",
        type=click.Choice(["auto", *(f"{float(scale):g}" for scale in FLOW_SCALES)]),
        default="auto",
        help="Scale of the frames on which optical flow is estimated; smaller is faster and finds larger motion. "
        "auto depends on the frame size.",
        example="--flow-scale 0.5",
    ),
    option(
        "--deinterlace",
        is_flag=False,
        flag_value="on",
        default="auto",
        type=click.Choice(DEINTERLACING),
        help="Deinterlace before interpolation (bwdif): auto if the video is detected as interlaced, on always, "
        "off never.",
        example="--deinterlace on",
    ),
    option(
        "--ivtc",
        is_flag=True,
        help="Reverse 3:2 pulldown first (inverse telecine): video at 30000/1001 frames per second becomes film at "
        "24000/1001.",
    ),
]
