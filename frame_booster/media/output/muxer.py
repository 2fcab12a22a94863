"""Opens the container of an output, with default options and those of the user."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av

from frame_booster.errors import EncodeError
from frame_booster.media.output.refusals import cannot_write
from frame_booster.media.output.sink import SinkOptions
from frame_booster.media.passthrough.capabilities import MP4_FAMILY
from frame_booster.media.passthrough.tags import KEYS_OPTION, wants_keys
from frame_booster.media.paths import is_pipe, output_url
from frame_booster.media.pyav.compat import unused_options
from frame_booster.options import EncoderOptions

_LEAST_TIMESCALE = 1000
_USUAL_TIMESCALE = 90000
_MOST_TIMESCALE = 1_000_000


def open_output(
    path: Path | BytesIO,
    options: SinkOptions,
    tags: Mapping[str, str],
    plays: int | None = None,
    *,
    wave_headers: bool = False,
) -> Any:
    """Opens a file, a pipe or memory as a PyAV container for writing, and sets its tags.

    Args:
      path: path of the file or pipe; or memory, for a trial.
      options: options of the output.
      tags: tags of the file, which its container may not all keep.
      plays: number of times an animation is played; 0 and None loop forever.
      wave_headers: whether Matroska must accept codecs that need a WAVE or AVI header
        (`capabilities.needs_wave_header`, `encoders.needs_riff_header`).

    Raises:
      OutputError: the file cannot be opened.
    """
    settings = {"strict": "-1"} if options.format == "yuv4mpegpipe" else {}
    if options.format in ("webp", "webp_anim"):
        settings["loop"] = str(plays or 0)
    if options.format == "apng":
        settings["plays"] = str(plays or 0)
    if options.format == "gif":
        # GIF stores the number of repetitions; -1 omits the extension.
        settings["loop"] = {0: "0", 1: "-1"}.get(plays or 0, str((plays or 0) - 1))
    if options.format in MP4_FAMILY:
        # Edit lists use this timescale; with FFmpeg's milliseconds a track could be shorter than its frames.
        settings["movie_timescale"] = str(_movie_timescale(options.time_base, options.rate))
        if isinstance(path, Path) and is_pipe(path):
            # A pipe is not seekable, so the index cannot be written at the end.
            settings["movflags"] = "frag_keyframe+delay_moov+default_base_moof"
        elif options.index_first:
            settings["movflags"] = "faststart"
    asked = dict(options.encoder.container_options)
    settings = {key: value for key, value in settings.items() if key not in asked}
    if wants_keys(options.format, tags):
        key, value = KEYS_OPTION
        holder = asked if key in asked else settings
        holder[key] = f"{holder[key]}+{value}" if key in holder else value
    target: Any = output_url(path) if isinstance(path, Path) else path
    format_name = options.format
    if wave_headers:
        # FFmpeg's tee muxer passes all packets on to the muxer in brackets, and PyAV does not check codecs for it.
        name = target if isinstance(target, str) else os.devnull
        target, format_name = f"{_tee_options(format_name, asked)}{_tee_escaped(name)}", "tee"
        asked = {}
    try:
        container = av.open(
            target,
            "w",
            format=format_name,
            options=asked,
            container_options=settings,
        )
    except OSError as error:
        raise cannot_write(error, options.name) from error
    container.metadata.update(tags)
    return container


def _movie_timescale(time_base: Fraction, rate: Fraction | None) -> int:
    """Returns the movie timescale of an MP4, in ticks per second, in which its edit list gives the video's duration.

    FFmpeg's default of 1000 would cut off the last of two or three frames whose durations are not whole milliseconds.
    """
    for ticks in (time_base.denominator, _USUAL_TIMESCALE if rate is None else rate.numerator):
        if ticks <= _MOST_TIMESCALE:
            return ticks * -(-_LEAST_TIMESCALE // ticks)
    return _USUAL_TIMESCALE


def _tee_escaped(text: str) -> str:
    """Returns a text escaped by backslashes for the arguments of FFmpeg's tee muxer."""
    return re.sub(r"([\\'|\s\[\]:=])", r"\\\1", text)


def _tee_options(format_name: str, options: Mapping[str, str]) -> str:
    return "[" + ":".join(f"{key}={_tee_escaped(value)}" for key, value in {"f": format_name, **options}.items()) + "]"


def start_output(container: Any, encoder: EncoderOptions, name: Path) -> None:
    """Opens the encoders of a container and writes its header.

    Args:
      container: container from `open_output`, with all its streams.
      encoder: options of the user, among them those of the container.
      name: path of the output, for messages.

    Raises:
      EncodeError: the container does not have an option.
      av.error.FFmpegError, ValueError: an encoder or the container cannot be opened.
    """
    with unused_options() as messages:
        container.start_encoding()
    unknown = {key for key, _ in encoder.container_options if any(repr(key) in message for message in messages)}
    if unknown:
        raise EncodeError(f"{container.format.name} has no option {', '.join(sorted(unknown))}", path=name)
