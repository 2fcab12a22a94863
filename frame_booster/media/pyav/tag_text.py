"""Text of tags as it was meant: what is not UTF-8 (old AVI, ID3, MP4), and what FFmpeg joins of one thing said twice.

A QuickTime file may tell its creation time in its header and as a tag; from version 9 on FFmpeg gives "X;X" for both.
"""

from __future__ import annotations

from typing import Any

import av

_ERRORS = "surrogateescape"
"""How bytes that are no UTF-8 are to be kept in text, so that none ends the reading and they can be had back."""
TAGS_AS_BYTES: dict[str, Any] = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": _ERRORS}
"""For `av.open`: PyAV 19 does so by itself, and before it raised UnicodeDecodeError."""
_LIKELY = "cp1252"
"""Windows-1252, which has the letters of ISO 8859-1."""


def readable(data: bytes) -> str:
    """Returns text that should be UTF-8 as what it most likely says."""
    return _readable(data.decode("utf-8", _ERRORS))


def _readable(text: str) -> str:
    foreign = [letter for letter in text if "\udc80" <= letter <= "\udcff"]
    if not foreign:
        return text
    # Where other letters beyond ASCII are UTF-8, so is all of it, but cut off or damaged.
    damaged = sum(letter > "\x7f" for letter in text) > len(foreign)
    return text.encode("utf-8", _ERRORS).decode("utf-8" if damaged else _LIKELY, "replace")


def said_once(tags: dict[str, str]) -> None:
    """Replaces a creation time that is told twice, "X;X", by one of the two; changes `tags` in place."""
    for key, value in tags.items():
        first, _, second = value.partition(";")
        if key.lower() == "creation_time" and first == second:
            tags[key] = first


def mend(tags: dict[str, str]) -> list[str]:
    """Replaces text that is not UTF-8 by what it most likely says, and what is said twice by one of the two.

    Args:
      tags: of a container that is opened with `TAGS_AS_BYTES`; changed in place.

    Returns:
      The names of the tags that were not UTF-8.
    """
    changed = []
    said_once(tags)
    for key, value in list(tags.items()):
        name, text = _readable(key), _readable(value)
        if (name, text) != (key, value):
            del tags[key]
            tags[name] = text
            changed.append(name)
    return changed


def mend_all(container: Any) -> list[str]:
    """Does so with all tags of an opened file and of its streams; those of chapters are made anew when they are read.

    Returns:
      The names of the tags that were not UTF-8, each once.
    """
    holders = [container.metadata, *(stream.metadata for stream in container.streams)]
    holders += [chapter["metadata"] for chapter in container.chapters()]
    return list(dict.fromkeys(name for tags in holders for name in mend(tags)))
