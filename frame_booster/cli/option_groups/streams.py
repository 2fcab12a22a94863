"""Options about audio, the other streams, and the container that holds them."""

from __future__ import annotations

from functools import partial

import click

from frame_booster.cli import grouped
from frame_booster.option_values import parse_bitrate

option = partial(grouped.option, grouped.STREAMS)

OPTIONS = [
    option(
        "--audio",
        type=click.Choice(["copy", "encode", "drop"]),
        help="Copy all audio or end with an error, encode it again, or leave it out.",
        default_text="copy, or encode what the container cannot hold",
        example="--audio drop",
    ),
    option(
        "--audio-codec",
        "-c:a",
        "-acodec",
        "audio_codec",
        metavar="NAME",
        help="Encode all audio with this encoder, by FFmpeg's name.",
        default_text="aac, in WebM libopus, in MXF pcm_s16le",
        example="--audio-codec libopus",
    ),
    option(
        "--audio-bitrate",
        "-b:a",
        "audio_bitrate",
        metavar="RATE",
        help="Encode all audio at this many bits a second for each track.",
        default_text="96k a channel for AAC, 64k for Opus",
        example="--audio-bitrate 192k",
        reads=parse_bitrate,
    ),
    option(
        "--video-stream",
        type=click.IntRange(0),
        default=0,
        metavar="NUMBER",
        help="Which video stream to boost, counted from 0; the others are copied.",
        example="--video-stream 1",
    ),
    option(
        "--output-format",
        metavar="NAME",
        help="Container of the output, by FFmpeg's name; pipes need it.",
        default_text="by the suffix of the output",
        example="-o - --output-format nut",
    ),
    option(
        "--container-option",
        multiple=True,
        metavar="KEY=VALUE",
        help="An option of the container, passed on as it is; may be given several times.",
        default_text="none",
        example="--container-option movflags=+faststart",
    ),
    option(
        "--allow-drop",
        is_flag=True,
        help="With --strict: leave out, or encode again, what the container cannot hold as it is.",
    ),
]
