"""Which reader an input needs."""

from __future__ import annotations

from pathlib import Path

from frame_booster.errors import InputError
from frame_booster.media.input.file import FileSource
from frame_booster.media.input.pictures import SequenceSource
from frame_booster.media.input.source import Source
from frame_booster.media.input.webp import WebPSource
from frame_booster.media.paths import PIPE, is_pattern, is_picture_folder
from frame_booster.options import InputOptions, Position


def open_source(
    path: Path,
    options: InputOptions,
    *,
    start: Position | None = None,
    end: Position | None = None,
    duration: Position | None = None,
) -> Source:
    """Opens a video file, standard input (`-`), a folder or pattern of pictures, or an animation.

    Args:
      path: of the input.
      options: how to read it.
      start, end, duration: the part to take (`part.bounds`).

    Raises:
      InputError: it is none of these, or cannot be opened.
    """
    if path == PIPE:
        return FileSource(path, start=start, end=end, duration=duration, options=options)
    if path.is_dir() and not is_picture_folder(path):
        raise InputError("is a folder without pictures", path=path, hint="for a folder of videos, -o names a folder")
    if path.is_dir() or (is_pattern(path) and not path.exists()):
        return SequenceSource(path, rate=options.rate, start=start, end=end, duration=duration, strict=options.strict)
    if path.suffix.lower() == ".webp" and path.is_file() and path.stat().st_size:
        return WebPSource(path, start=start, end=end, duration=duration, strict=options.strict)
    return FileSource(path, start=start, end=end, duration=duration, options=options)
