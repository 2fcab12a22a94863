"""Opens an input with the reader for its kind: video file, pipe, images or animation."""

from __future__ import annotations

from pathlib import Path

from frame_booster.errors import InputError
from frame_booster.media.input.container import without_times
from frame_booster.media.input.file import FileSource
from frame_booster.media.input.pictures import SequenceSource
from frame_booster.media.input.source import Source
from frame_booster.media.input.webp import WebPSource
from frame_booster.media.paths import PIPE, is_pattern, is_picture_folder
from frame_booster.options import InputOptions, Position

_DEFAULTS = InputOptions()
_FLAGS = {
    "format": "--input-format",
    "size": "--size",
    "pix_fmt": "--input-pix-fmt",
    "rate": "--rate",
    "video_stream": "--video-stream",
    "deinterlace": "--deinterlace",
    "ivtc": "--ivtc",
    "hwaccel": "--hwaccel",
}
_NO_STREAM = "it consists of images, not of a video stream"
_WHY = {
    "size": "the file states its size",
    "pix_fmt": "the file states its pixel format",
    "rate": "the file has timestamps",
}


def open_source(
    path: Path,
    options: InputOptions,
    *,
    start: Position | None = None,
    end: Position | None = None,
    duration: Position | None = None,
) -> Source:
    """Opens a video file, standard input (`-`), a folder or pattern of images, or an animation.

    Args:
      path: path of the input.
      options: how to read it.
      start, end, duration: the part to read (`part.bounds`).

    Raises:
      InputError: it is not one of these, or cannot be opened.
    """
    source = _opened(path, options, start, end, duration)
    for name, flag in _FLAGS.items():
        value = getattr(options, name)
        # What is off anyway is no different there.
        if value not in (getattr(_DEFAULTS, name), "off", "auto") and name not in _heeded(source):
            source.report.warn(f"{flag} has no effect on this input: {_WHY.get(name, _NO_STREAM)}")
    return source


def _heeded(source: Source) -> set[str]:
    """Returns the names of the options that affect a source."""
    if isinstance(source, SequenceSource):
        return {"rate"}
    if not isinstance(source, FileSource):
        return set()
    raw = {"size", "pix_fmt", "rate"} if without_times(source.container) else set()
    return {"format", "video_stream", "deinterlace", "ivtc", "hwaccel", *raw}


def _opened(
    path: Path, options: InputOptions, start: Position | None, end: Position | None, duration: Position | None
) -> Source:
    if path == PIPE:
        return FileSource(path, start=start, end=end, duration=duration, options=options)
    if path.is_dir() and not is_picture_folder(path):
        raise InputError("is a folder without images", path=path, hint="for a folder of videos, give a folder with -o")
    if path.is_dir() or (is_pattern(path) and not path.exists()):
        return SequenceSource(path, rate=options.rate, start=start, end=end, duration=duration, strict=options.strict)
    if path.suffix.lower() == ".webp" and path.is_file() and path.stat().st_size:
        return WebPSource(path, start=start, end=end, duration=duration, strict=options.strict)
    return FileSource(path, start=start, end=end, duration=duration, options=options)
