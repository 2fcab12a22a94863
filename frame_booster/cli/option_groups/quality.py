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
        help="Video encoder, by FFmpeg's name; --list-encoders shows those that are known.",
        default_text="libx264, or what the container needs",
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
        default_text="by encoder, 18 for libx264",
        example="--crf 16",
    ),
    option(
        "--preset",
        "-preset",
        "preset",
        metavar="NAME",
        help="Speed of the encoder; slower makes smaller files of the same quality.",
        default_text="by encoder, medium for libx264",
        example="--preset slow",
    ),
    option(
        "--pix-fmt",
        "-pix_fmt",
        "pix_fmt",
        metavar="NAME",
        help="Pixel format of the output, by FFmpeg's name.",
        default_text="the source's, or the nearest that the encoder takes",
        example="--pix-fmt yuv420p10le",
        shell_complete=complete_pixel_formats,
    ),
    option(
        "--encoder-option",
        multiple=True,
        metavar="KEY=VALUE",
        help="An option of the encoder, passed on as it is; may be given several times.",
        default_text="none",
        example="--encoder-option tune=animation",
    ),
    option(
        "--flow-scale",
        type=click.Choice(["auto", *(f"{float(scale):g}" for scale in FLOW_SCALES)]),
        default="auto",
        help="Estimate optical flow on frames scaled by this; smaller is faster and finds larger motion. auto goes by "
        "frame size.",
        example="--flow-scale 0.5",
    ),
    option(
        "--deinterlace",
        is_flag=False,
        flag_value="on",
        default="auto",
        type=click.Choice(DEINTERLACING),
        help="Make whole frames of interlaced ones first (bwdif): auto where they are seen to be, on of all, off of "
        "none.",
        example="--deinterlace on",
    ),
    option(
        "--ivtc",
        is_flag=True,
        help="Take 3:2 pulldown out first (inverse telecine): film at 24000/1001 of video at 30000/1001 frames a "
        "second.",
    ),
]
