"""Corrects the duration of the last frame of an animated PNG (PNG 3, W3C 2025, 11.3.6.2).

FFmpeg's muxer gives the last frame the duration of the frame before.
"""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

from frame_booster.media.input.apng import DELAY, frame_controls

_MOST = 65535


def set_last_delay(path: Path, delay: Fraction) -> None:
    """Sets the duration of the last frame in a file, in s, to the nearest value that its chunk can hold."""
    with path.open("r+b") as file:
        place, data = list(frame_controls(file))[-1]
        nearest = min(delay, Fraction(_MOST)).limit_denominator(_MOST)
        while nearest.numerator > _MOST:
            nearest = delay.limit_denominator(max(nearest.denominator // 2, 1))
        new = data[:DELAY] + struct.pack(">HH", nearest.numerator, nearest.denominator) + data[DELAY + 4 :]
        file.seek(place)
        file.write(new + struct.pack(">I", zlib.crc32(b"fcTL" + new)))
