"""Boxes of MP4 and MOV (ISO/IEC 14496-12, 4.2): what a file is made of, for what FFmpeg does not tell or write."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

_LARGE = 16
"""Bytes of a header whose size has 64 bits."""


@dataclass(frozen=True)
class Box:
    """Where a box lies, in bytes from the beginning of what was read."""

    kind: bytes
    """Four bytes."""
    start: int
    content: int
    """Where its header ends."""
    end: int


def boxes(file: IO[bytes], start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yields the boxes that lie one after the other; ends before one that is damaged or does not lie within.

    Args:
      file: that can be gone back in.
      start, end: bytes between which they lie, as the content of another box; None: to the end of the file.
    """
    if end is None:
        end = file.seek(0, os.SEEK_END)
    while start + 8 <= end:
        file.seek(start)
        header = file.read(_LARGE)
        size, kind = struct.unpack_from(">I4s", header)
        content = start + 8
        if size == 1 and len(header) == _LARGE:
            size, content = struct.unpack_from(">Q", header, 8)[0], start + _LARGE
        elif size == 0:
            # The last box may have none, and reaches to the end.
            size = end - start
        if size < content - start or start + size > end:
            return
        yield Box(kind, start, content, start + size)
        start += size


def boxes_at(file: IO[bytes], path: tuple[bytes, ...], within: Box | None = None) -> Iterator[Box]:
    """Yields all boxes whose kinds, from the outermost on, are those of a path, as `(b"moov", b"trak")`."""
    for box in boxes(file) if within is None else boxes(file, within.content, within.end):
        if box.kind == path[0]:
            if len(path) == 1:
                yield box
            else:
                yield from boxes_at(file, path[1:], box)
