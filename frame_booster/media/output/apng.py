"""Times of an animated PNG (PNG 3, W3C 2025, 11.3.6.2): read exactly, and that of the last frame put right.

FFmpeg's muxer takes the last frame's time for that of the one before, and its demuxer rounds all of them to 10 µs.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DELAY = 20
"""Where a frame control chunk has its delay: numerator and denominator of s, 16 bits each."""
_MOST = 65535


def _frame_controls(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yields where the data of each frame control chunk is, and the data."""
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        return
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        here = file.tell()
        if kind == b"fcTL":
            yield here, file.read(length)
        file.seek(here + length + 4)


def delays(path: Path) -> list[Fraction]:
    """Returns how long each frame of an animated PNG is shown, s."""
    with path.open("rb") as file:
        found = [struct.unpack(">HH", data[_DELAY : _DELAY + 4]) for _, data in _frame_controls(file)]
    # A denominator of 0 stands for 100.
    return [Fraction(numerator, denominator or 100) for numerator, denominator in found]


def set_last_delay(path: Path, delay: Fraction) -> None:
    """Says in a file how long its last frame is shown, s; the nearest that its chunk can hold."""
    with path.open("r+b") as file:
        place, data = list(_frame_controls(file))[-1]
        nearest = min(delay, Fraction(_MOST)).limit_denominator(_MOST)
        while nearest.numerator > _MOST:
            nearest = delay.limit_denominator(max(nearest.denominator // 2, 1))
        new = data[:_DELAY] + struct.pack(">HH", nearest.numerator, nearest.denominator) + data[_DELAY + 4 :]
        file.seek(place)
        file.write(new + struct.pack(">I", zlib.crc32(b"fcTL" + new)))
