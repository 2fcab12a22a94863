"""Boxes, the elements of MP4 and MOV files (ISO/IEC 14496-12, 4.2), for data that FFmpeg does not read or write."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

_LARGE = 16
"""Bytes of a header with a 64-bit size."""


@dataclass(frozen=True)
class Box:
    """Position of a box, in bytes from the start of the file."""

    kind: bytes
    """Type of the box, four bytes."""
    start: int
    content: int
    """End of the header."""
    end: int


def boxes(file: IO[bytes], start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yields consecutive boxes; stops before a box that is damaged or exceeds the range.

    Args:
      file: seekable file.
      start, end: range in bytes, such as the content of another box; None is the end of the file.
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
            # A size of 0 means that the box extends to the end of the file.
            size = end - start
        if size < content - start or start + size > end:
            return
        yield Box(kind, start, content, start + size)
        start += size


def boxes_at(file: IO[bytes], path: tuple[bytes, ...], within: Box | None = None) -> Iterator[Box]:
    """Yields all boxes at a path of types, from the outermost to the innermost, such as `(b"moov", b"trak")`."""
    for box in boxes(file) if within is None else boxes(file, within.content, within.end):
        if box.kind == path[0]:
            if len(path) == 1:
                yield box
            else:
                yield from boxes_at(file, path[1:], box)
