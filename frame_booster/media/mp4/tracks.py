"""Tracks of MP4 and MOV: their track_ID and sample entries, for data that FFmpeg does not read or write."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

from frame_booster.media.mp4.boxes import Box, boxes, boxes_at

TABLE = (b"mdia", b"minf", b"stbl", b"stsd")
"""Path of boxes from a track to its sample entries."""
_TABLE_HEADER = 8
"""Bytes before the entries in the content of `stsd` (ISO/IEC 14496-12, 8.5.2)."""
_PROTECTED = frozenset({b"encv", b"drmi"})
"""Sample entries of encrypted video: Common Encryption (8.12), and iTunes."""


def is_protected(path: Path, track_id: int) -> bool:
    """Returns whether a video is encrypted; FFmpeg only reports that no frame can be decoded.

    Args:
      path: path of an MP4 or MOV; for other files the result is False.
      track_id: track_ID of the video in its track header (8.3.2).
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        track = find_track(file, track_id)
        entry = None if track is None else entry_of(file, track)
        return entry is not None and entry.kind in _PROTECTED


def find_track(file: IO[bytes], track_id: int) -> Box | None:
    """Returns the track with a track_ID; None if there is none."""
    return next((box for box in boxes_at(file, (b"moov", b"trak")) if track_id_of(file, box) == track_id), None)


def track_id_of(file: IO[bytes], track: Box) -> int | None:
    """Returns the track_ID of a track; None if the track has no header."""
    header = next(boxes_at(file, (b"tkhd",), track), None)
    if header is None:
        return None
    data = whole_of(file, header)[header.content - header.start :]
    # In version 1, times of 64 bits come before it.
    (found,) = struct.unpack_from(">I", data, 20 if data[0] == 1 else 12)
    return int(found)


def entry_of(file: IO[bytes], track: Box) -> Box | None:
    """Returns the first sample entry of a track; None if there is none."""
    table = next(boxes_at(file, TABLE, track), None)
    return None if table is None else next(boxes(file, table.content + _TABLE_HEADER, table.end), None)


def whole_of(file: IO[bytes], box: Box) -> bytes:
    """Returns all bytes of a box, including its header."""
    file.seek(box.start)
    return file.read(box.end - box.start)
