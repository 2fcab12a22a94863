"""Opening the container of an output, with the options that a user gives for it."""

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
    """Opens a file, a pipe or memory as a PyAV container to write, with the tags of the whole file.

    Args:
      path: of the file; or memory, for a trial.
      options: how to write.
      tags: that the file is to keep, as far as its container can.
      plays: how often an animation is to be shown; 0 and None are for ever.
      wave_headers: whether Matroska is to take audio of any codec (`capabilities.needs_wave_header`).

    Raises:
      OutputError: it cannot be written.
    """
    settings = {"strict": "-1"} if options.format == "yuv4mpegpipe" else {}
    if options.format in ("webp", "webp_anim"):
        settings["loop"] = str(plays or 0)
    if options.format == "apng":
        settings["plays"] = str(plays or 0)
    if options.format == "gif":
        # It says how often it begins anew; -1 leaves the extension out.
        settings["loop"] = {0: "0", 1: "-1"}.get(plays or 0, str((plays or 0) - 1))
    if options.format in MP4_FAMILY:
        # Edit lists tell lengths in this; FFmpeg's milliseconds would make a track shorter than its frames are shown.
        settings["movie_timescale"] = str(_movie_timescale(options.time_base, options.rate))
        if isinstance(path, Path) and is_pipe(path):
            # A pipe cannot be gone back in to fill in what is known at the end.
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
        # FFmpeg's tee hands all packets on to the muxer in brackets, and PyAV asks it for no list of codecs.
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
    """Returns the ticks a second in which an MP4's edit list tells the length of the video.

    FFmpeg's 1000 would cut off the last of two or three frames whose length is no whole number of them.
    """
    for ticks in (time_base.denominator, _USUAL_TIMESCALE if rate is None else rate.numerator):
        if ticks <= _MOST_TIMESCALE:
            return ticks * -(-_LEAST_TIMESCALE // ticks)
    return _USUAL_TIMESCALE


def _tee_escaped(text: str) -> str:
    """Returns a text as FFmpeg's tee reads it: what could end it stands behind a backslash."""
    return re.sub(r"([\\'|\s\[\]:=])", r"\\\1", text)


def _tee_options(format_name: str, options: Mapping[str, str]) -> str:
    return "[" + ":".join(f"{key}={_tee_escaped(value)}" for key, value in {"f": format_name, **options}.items()) + "]"


def start_output(container: Any, encoder: EncoderOptions, name: Path) -> None:
    """Opens the encoders of a container and writes its header.

    Args:
      container: from `open_output`, with all its streams.
      encoder: with the options that were asked for.
      name: of the output, for messages.

    Raises:
      EncodeError: there is no such option of the container.
      av.error.FFmpegError, ValueError: an encoder or the container refuses.
    """
    with unused_options() as messages:
        container.start_encoding()
    unknown = {key for key, _ in encoder.container_options if any(repr(key) in message for message in messages)}
    if unknown:
        raise EncodeError(f"{container.format.name} has no option {', '.join(sorted(unknown))}", path=name)
