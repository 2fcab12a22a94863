"""Corrects the duration of the last frame of an animated WebP, which FFmpeg does not pass to the encoder."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

_SHOWN = 12
"""Offset of the frame duration in an ANMF chunk: 24 bits, in ms (RFC 9649, 2.7.1.3)."""
_MOST = (1 << 24) - 1


def set_length(path: Path, length: Fraction) -> None:
    """Sets the duration of the last frame in a file so that the whole animation lasts `length` s."""
    with path.open("r+b") as file:
        file.seek(12)
        total, last, shown = 0, 0, 0
        while len(header := file.read(8)) == 8:
            kind, size = struct.unpack("<4sI", header)
            here = file.tell()
            if kind == b"ANMF":
                shown = int.from_bytes(file.read(_SHOWN + 3)[_SHOWN:], "little")
                total, last = total + shown, here + _SHOWN
            file.seek(here + size + size % 2)
        wanted = shown + round(length * 1000) - total
        if last and 0 < wanted <= _MOST:
            file.seek(last)
            file.write(wanted.to_bytes(3, "little"))
