"""Disk space: compares the estimated size of an output with the free space."""

from __future__ import annotations

import math
import shutil
from fractions import Fraction
from pathlib import Path

from frame_booster.errors import EncodeError, OutputError
from frame_booster.media.input.source import Source
from frame_booster.media.output.atomic import nearest_folder
from frame_booster.media.output.encoders import choose_codec, choose_pixel_format, encoder_options
from frame_booster.media.output.size import Content, Size, size_of
from frame_booster.media.paths import is_pipe
from frame_booster.options import BoostOptions
from frame_booster.pipeline.resume import folder_of_segments
from frame_booster.pipeline.settings import options_rate

_MARGIN = Fraction(5, 4)
"""There is a warning if the free space is less than this multiple of the likely size."""


def expected_content(source: Source, options: BoostOptions, pix_fmt: str) -> Content | None:
    """Returns the facts that determine the size of an output; None if the input's length or rate is unknown."""
    frames, info = source.expected_frames, source.info
    shown = options_rate(options).expected_frames(frames, info.rate)
    if frames is None or shown is None or info.rate is None:
        return None
    part = 1.0 if not info.frames else min(frames / info.frames, 1.0)
    return Content(
        width=info.width,
        height=info.height,
        pix_fmt=pix_fmt,
        frames_in=frames,
        frames=shown,
        seconds=frames / info.rate * (options.slow_motion or 1),
        source_bytes=int(source.path.stat().st_size * part) if source.path.is_file() else None,
        others_bits=0 if options.audio == "drop" else sum(_bits(stream) for stream in source.other_streams),
    )


def _bits(stream: object) -> int:
    """Returns the bit rate of a stream in bits per second; 0 if unknown."""
    rate = getattr(stream, "bit_rate", None) or getattr(getattr(stream, "codec_context", None), "bit_rate", None)
    return int(rate or 0)


def expected_size(source: Source, options: BoostOptions, format_name: str, pictures: str | None = None) -> Size | None:
    """Returns the estimated size of an output; None if it cannot be estimated.

    Args:
      source: the input.
      options: options of the run.
      format_name: FFmpeg's name of the container.
      pictures: encoder of images if the output is images, else None.
    """
    try:
        codec = pictures or choose_codec(options.encoder, format_name, source.info.pix_fmt)
        pix_fmt = source.info.pix_fmt
        if pictures is None:
            pix_fmt = choose_pixel_format(codec, pix_fmt, options.encoder.pix_fmt, format_name)
        content = expected_content(source, options, pix_fmt)
        settings = dict(options.encoder.options) if pictures else encoder_options(codec, options.encoder)
    except (EncodeError, ValueError):
        # Unsupported options, which the run itself reports, or an unknown pixel format.
        return None
    return None if content is None else size_of(codec, settings, content)


def free_space(target: Path) -> int | None:
    """Returns the free bytes on the disk of an output; None if unknown."""
    try:
        return shutil.disk_usage(nearest_folder(target.parent)).free
    except OSError:
        return None


def check_space(target: Path, size: Size | None, *, twice: bool = False) -> str | None:
    """Compares the estimated size of an output with the free space on its disk.

    A file that is replaced does not count as free space, since it stays until the new one is complete.

    Args:
      target: path of the output.
      size: estimated size; None is unknown and not checked.
      twice: whether the video is also stored as segments until they are joined.

    Returns:
      A warning if the output may not fit; None if it will.

    Raises:
      OutputError: the output cannot fit.
    """
    free = None if size is None or is_pipe(target) else free_space(target)
    if size is None or free is None:
        return None
    likely, least, there = size.likely, size.least, 0
    if twice:
        # Segments of an earlier run are already part of the needed space.
        likely, least, there = 2 * likely, 2 * least, _total_size(folder_of_segments(target))
    if least - there > free:
        replaced = target.stat().st_size if target.is_file() else 0
        hint = "free some space, or write to another disk with -o"
        if least - there <= free + replaced:
            hint = "the existing file stays until the new one is complete; move it to another disk first"
        raise OutputError(
            f"the disk is too small: the output needs about {shown_bytes(likely)}, at least "
            f"{shown_bytes(least - there)}, but {shown_bytes(free)} are free",
            path=target,
            hint=hint,
        )
    if (likely - there) * _MARGIN > free:
        return (
            f"the disk may be too small: the output needs about {shown_bytes(likely)}, but {shown_bytes(free)} are free"
        )
    return None


def _total_size(folder: Path) -> int:
    """Returns the total size of the files in a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) if folder.is_dir() else 0


def shown_bytes(size: int) -> str:
    """Returns a size as text in decimal units, such as `3.2 GB`."""
    if size < 1000:
        return f"{size} bytes"
    step = min(int(math.log10(size)) // 3, 4)
    return f"{size / 1000**step:.3g} {' kMGT'[step]}B"
