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
        help="Copy all audio or end with an error, encode all, or drop all.",
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
        default_text="aac; libopus in WebM, pcm_s16le in MXF",
        example="--audio-codec libopus",
    ),
    option(
        "--audio-bitrate",
        "-b:a",
        "audio_bitrate",
        metavar="RATE",
        help="Encode all audio with this bit rate for each track.",
        default_text="96k per channel for AAC, 64k for Opus",
        example="--audio-bitrate 192k",
        reads=parse_bitrate,
    ),
    option(
        "--video-stream",
        type=click.IntRange(0),
        default=0,
        metavar="NUMBER",
        help="Number of the video stream to process, counted from 0; the others are copied.",
        example="--video-stream 1",
    ),
    option(
        "--output-format",
        metavar="NAME",
        help="Container of the output, by FFmpeg's name; required for pipes.",
        default_text="by the suffix of the output",
        example="-o - --output-format nut",
    ),
    option(
        "--container-option",
        multiple=True,
        metavar="KEY=VALUE",
        help="Option for the container, passed on unchanged. Can be given several times.",
        default_text="none",
        example="--container-option movflags=+faststart",
    ),
    option(
        "--allow-drop",
        is_flag=True,
        help="With --strict: allow streams to be dropped or re-encoded if the container cannot hold them as they are.",
    ),
]
