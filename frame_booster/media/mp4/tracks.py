"""Tracks of MP4 and MOV: their numbers and how their samples are coded, for what FFmpeg does not tell or write."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

from frame_booster.media.mp4.boxes import Box, boxes, boxes_at

TABLE = (b"mdia", b"minf", b"stbl", b"stsd")
"""The way from a track to its sample entries."""
_TABLE_HEADER = 8
"""Bytes before the entries of `stsd` (ISO/IEC 14496-12, 8.5.2)."""
_PROTECTED = frozenset({b"encv", b"drmi"})
"""Sample entries of encrypted video: Common Encryption (8.12), and iTunes."""


def is_protected(path: Path, track_id: int) -> bool:
    """Tells whether a video is encrypted, of which FFmpeg says nothing but that no frame can be decoded.

    Args:
      path: of an MP4 or MOV; anything else is taken for one that is not encrypted.
      track_id: of the video, as the header of its track has it (8.3.2).
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        track = find_track(file, track_id)
        entry = None if track is None else entry_of(file, track)
        return entry is not None and entry.kind in _PROTECTED


def find_track(file: IO[bytes], track_id: int) -> Box | None:
    """Returns the track of a number; None where there is none."""
    return next((box for box in boxes_at(file, (b"moov", b"trak")) if track_id_of(file, box) == track_id), None)


def track_id_of(file: IO[bytes], track: Box) -> int | None:
    """Returns the number of a track; None where it has no header."""
    header = next(boxes_at(file, (b"tkhd",), track), None)
    if header is None:
        return None
    data = whole_of(file, header)[header.content - header.start :]
    # Version 1 has times of 64 bits before it.
    (found,) = struct.unpack_from(">I", data, 20 if data[0] == 1 else 12)
    return int(found)


def entry_of(file: IO[bytes], track: Box) -> Box | None:
    """Returns the first sample entry of a track; None where it has none."""
    table = next(boxes_at(file, TABLE, track), None)
    return None if table is None else next(boxes(file, table.content + _TABLE_HEADER, table.end), None)


def whole_of(file: IO[bytes], box: Box) -> bytes:
    """Returns the bytes of a box with its header."""
    file.seek(box.start)
    return file.read(box.end - box.start)
