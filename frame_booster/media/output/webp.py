"""How long the last frame of an animated WebP is shown: FFmpeg does not tell the encoder, which guesses."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

_SHOWN = 12
"""Where an ANMF chunk has the duration of its frame: 24 bits, ms (RFC 9649, 2.7.1.3)."""
_MOST = (1 << 24) - 1


def set_length(path: Path, length: Fraction) -> None:
    """Says in a file how long its last frame is shown, so that all of it lasts so long, s."""
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
