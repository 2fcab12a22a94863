"""Options that few runs need: raw input, durable segments, strictness, weights of one's own, messages for programs."""

from __future__ import annotations

from functools import partial

import click

from frame_booster.cli import grouped
from frame_booster.cli.completion import complete_pixel_formats
from frame_booster.option_values import parse_rate, parse_time

option = partial(grouped.option, grouped.EXPERT)

OPTIONS = [
    option(
        "--weights",
        type=click.Path(),
        metavar="FILE",
        help="File with your own trained weights (.safetensors) for the network of --model.",
        default_text="those included for that network",
        example="--weights mine.safetensors",
    ),
    option(
        "--strict",
        is_flag=True,
        help="Make it an error, not a warning, if a frame is damaged or changes its format, or if a stream cannot "
        "be kept as it is.",
    ),
    option(
        "--segment",
        metavar="TIME",
        help="With --resume: length of a segment, in seconds of the input.",
        default_text="60",
        example="--resume --segment 30",
        reads=parse_time,
    ),
    option(
        "--keep-partial",
        is_flag=True,
        help="When interrupted, keep the finished part as NAME.partial.SUFFIX.",
    ),
    option(
        "--allow-truncated",
        is_flag=True,
        help="Accept a truncated input with a warning. Without this it is an error, and the result is named "
        "NAME.partial.SUFFIX.",
    ),
    option(
        "--input-format",
        metavar="NAME",
        help="Format of the input, by FFmpeg's name, for pipes and raw video.",
        default_text="detected",
        example="--input-format rawvideo",
    ),
    option(
        "--size",
        metavar="WxH",
        help="Width and height of raw video, in pixels.",
        default_text="none, required for raw video",
        example="--size 1280x720",
    ),
    option(
        "--input-pix-fmt",
        metavar="NAME",
        help="Pixel format of raw video, by FFmpeg's name.",
        default_text="yuv420p",
        example="--input-pix-fmt yuv422p10le",
        shell_complete=complete_pixel_formats,
    ),
    option(
        "--rate",
        metavar="RATE",
        help="Frame rate of raw video and of image sequences.",
        default_text="25",
        example="--rate 24000/1001",
        reads=parse_rate,
    ),
    option(
        "--progress",
        type=click.Choice(["auto", "bar", "plain", "json", "none"]),
        default="auto",
        help="Progress on standard error: a bar, a plain line every 30 seconds, or JSON lines for all messages. "
        "auto is a bar on a terminal, else plain lines.",
        example="--progress json",
    ),
]
