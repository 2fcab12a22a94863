"""How often an animation is shown, which FFmpeg's demuxers do not tell: read with Pillow."""

from __future__ import annotations

from pathlib import Path

ANIMATIONS = frozenset({"gif", "apng"})
"""Formats, by FFmpeg's names of their demuxers."""


def plays_of(path: Path, format_name: str) -> int | None:
    """Returns how often an animation is shown, 0 being for ever; None where it cannot be learned.

    Args:
      path: of the file.
      format_name: one of `ANIMATIONS`.
    """
    if format_name not in ANIMATIONS or not path.is_file():
        return None
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            told = image.info.get("loop")
    except (UnidentifiedImageError, OSError, SyntaxError):
        return None
    if format_name == "gif":
        # The extension says how often it begins anew, and is not there where it does not.
        return 1 if told is None else told + 1 if told else 0
    return None if told is None else int(told)
