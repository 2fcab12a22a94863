"""Metadata of frames that no encoder is given (Dolby Vision, HDR10+, timecode), and what is told of its loss."""

from __future__ import annotations

import struct
import sys
from fractions import Fraction

import av

from frame_booster.media.frames.side_data import side_data
from frame_booster.media.input.source import SourceReport

_DOLBY_VISION = "Dolby Vision"
_LOST = {
    "DOVI_RPU_BUFFER": _DOLBY_VISION,
    "DOVI_METADATA": _DOLBY_VISION,
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
    "AFD": "active format description",
    "S12M_TIMECODE": "timecode",
    "GOP_TIMECODE": "timecode",
}
"""Side data of frames that no encoder is given, by PyAV's names, and what people call it."""
_PREFIX, _FIXED_POINT = 25, 0


def warn_of_lost_metadata(frame: av.VideoFrame, time: Fraction, report: SourceReport) -> None:
    """Warns of what comes with a frame and is given to no encoder.

    Args:
      frame: as decoded.
      time: since the beginning of the file, s.
      report: told of it.
    """
    for kind, name in _LOST.items():
        data = side_data(frame, kind)
        if data is None or (kind == "GOP_TIMECODE" and not _is_a_label(data, time)):
            continue
        kept = "the picture is not affected"
        if name == _DOLBY_VISION and _has_its_own_colours(kind, data):
            kept = "without it, this video (profile 5) shows green and purple colours"
        report.warn(f"the {name} metadata of the frames is lost; {kept}")


def _has_its_own_colours(kind: str, data: bytes) -> bool:
    """Tells whether pictures are of profile 5, or 10.0 of AV1: in colours (IPT) that its metadata alone tells of."""
    if kind == "DOVI_METADATA":
        # FFmpeg's AVDOVIMetadata begins with where its header lies (libavutil/dovi_meta.h).
        (header,) = struct.unpack_from("=Q", data)
        return len(data) > header + 10 and data[header + 4] == 0 and bool(data[header + 10])
    bits = _Bits(data)
    # ETSI GS CCM 001, 5.3: the metadata's type and format, its profile and level, and whether the rest is there.
    if bits.read(8) != _PREFIX or bits.read(17) < 0 or bits.read(4) != 0:
        return False
    bits.read(4)
    if not bits.read(1):
        return False
    bits.read(1)
    if bits.read(2) == _FIXED_POINT:
        bits.skip_number()
    bits.read(2)
    return bits.read(1) == 1


class _Bits:
    """Numbers of so many bits each; 0 behind the end."""

    def __init__(self, data: bytes) -> None:
        self._rest = int.from_bytes(data[:16].ljust(16, b"\0"), "big")
        self._left = 128

    def read(self, count: int) -> int:
        self._left = max(self._left - count, 0)
        return self._rest >> self._left & ((1 << count) - 1)

    def skip_number(self) -> None:
        """Skips one of the code of Exp-Golomb: as many bits after the first 1 as zeros before it."""
        zeros = 0
        while zeros < 32 and not self.read(1):
            zeros += 1
        self.read(zeros)


def _is_a_label(data: bytes, time: Fraction) -> bool:
    """Tells whether the timecode of a group of MPEG-2's pictures is more than the time since the file's beginning.

    Every group has one: encoders that are given none count from 0, often at a whole rate.
    """
    # 25 bits: drop frame, hours (5), minutes (6), a marker, seconds (6), pictures (6); ISO/IEC 13818-2, 6.3.8.
    bits = int.from_bytes(data, sys.byteorder)
    hours, minutes, seconds, pictures = bits >> 19 & 31, bits >> 13 & 63, bits >> 6 & 63, bits & 63
    told = 3600 * hours + 60 * minutes + seconds
    return bool(told or pictures) and abs(told - time) > 1 + abs(time) / 100
