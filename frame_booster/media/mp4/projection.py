"""Projection and stereo layout of 360 degree and 3D videos in MP4 and MOV: copies their boxes to another file.

The boxes of a track are `st3d` and `sv3d` (Google, "Spherical Video V2 RFC") and the `uuid` box of the first version
("Spherical Video RFC"). FFmpeg reads some of them and PyAV can write none, so they are copied byte for byte.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np

from frame_booster.media.mp4.boxes import Box, boxes, boxes_at
from frame_booster.media.mp4.tracks import TABLE, entry_of, find_track, whole_of

_IN_ENTRY = frozenset({b"st3d", b"sv3d"})
_FIRST_VERSION = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
"""UUID of the first version's box, whose content is XML."""
_VISUAL_ENTRY = 78
"""Bytes before the boxes in a sample entry of video (ISO/IEC 14496-12, 12.1.3)."""
_OFFSET_BOXES = {b"stco": ">u4", b"co64": ">u8"}
"""Boxes with the offsets of a track's chunks from the start of the file, and their dtypes (8.7.5)."""
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Projection:
    """Boxes copied from a source, with their headers."""

    entry: bytes
    """Boxes of the sample entry."""
    track: bytes
    """Boxes of the track."""


def read_projection(path: Path, track_id: int) -> Projection | None:
    """Returns the projection and stereo layout of a video.

    Args:
      path: path of an MP4 or MOV.
      track_id: track_ID of the video in its track header (ISO/IEC 14496-12, 8.3.2).

    Returns:
      The boxes; None if there are none, or if the path is not a regular file.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        track = find_track(file, track_id)
        if track is None:
            return None
        entry = entry_of(file, track)
        parts = [] if entry is None else list(boxes(file, entry.content + _VISUAL_ENTRY, entry.end))
        own = b"".join(whole_of(file, box) for box in parts if box.kind in _IN_ENTRY)
        parts = list(boxes(file, track.content, track.end))
        around = b"".join(whole_of(file, box) for box in parts if _is_first_version(file, box))
        return Projection(own, around) if own or around else None


def add_projection(path: Path, track_id: int, projection: Projection) -> bool:
    """Adds the projection of another video to a finished MP4 or MOV.

    Args:
      path: path of the file, which is changed in place.
      track_id: track_ID of the video.
      projection: boxes from `read_projection`.

    Returns:
      False if the file is left unchanged: it is fragmented, it has no such track, or its 32-bit chunk offsets would
      overflow.
    """
    with path.open("r+b") as file:
        whole = list(boxes(file))
        index = next((box for box in whole if box.kind == b"moov"), None)
        if index is None or any(box.kind == b"moof" for box in whole):
            return False
        made = _with_projection(whole_of(file, index), track_id, projection, index.start)
        if made is None:
            return False
        _shift_bytes(file, index.end, len(made) - (index.end - index.start))
        file.seek(index.start)
        file.write(made)
    return True


def _with_projection(index: bytes, track_id: int, projection: Projection, start: int) -> bytes | None:
    """Returns an index (`moov`) with a projection added; None if that is not possible.

    Args:
      index: the box.
      track_id: track_ID of the video.
      projection: boxes to add.
      start: position of the index in its file; chunks after it move.
    """
    file = BytesIO(index)
    track = find_track(file, track_id)
    entry = None if track is None else entry_of(file, track)
    if track is None or entry is None:
        return None
    data = bytearray(index)
    grown = len(projection.entry) + len(projection.track)
    for box in (box for kind in _OFFSET_BOXES for box in boxes_at(file, (b"moov", b"trak", *TABLE[:3], kind))):
        if not _shift_offsets(data, box, start, grown):
            return None
    inner = [next(boxes_at(file, TABLE[: n + 1], track)) for n in range(len(TABLE))]
    sizes = {Box(b"moov", 0, 8, len(index)): grown, track: grown}
    for box, more in {**sizes, **dict.fromkeys([*inner, entry], len(projection.entry))}.items():
        struct.pack_into(">I", data, box.start, box.end - box.start + more)
    # The later insertion comes first, so that the position of the earlier one stays valid.
    data[track.end : track.end] = projection.track
    data[entry.end : entry.end] = projection.entry
    return bytes(data)


def _shift_offsets(data: bytearray, box: Box, start: int, grown: int) -> bool:
    """Adds `grown` to the chunk offsets after `start` in a `stco` or `co64` box; returns False if one overflows."""
    kind = np.dtype(_OFFSET_BOXES[box.kind])
    (count,) = struct.unpack_from(">I", data, box.content + 4)
    places = np.frombuffer(data, kind, count, box.content + 8)
    moved = places.astype(np.uint64)
    moved[moved > start] += grown
    if count and int(moved.max()) > np.iinfo(kind).max:
        return False
    places[:] = moved
    return True


def _shift_bytes(file: IO[bytes], start: int, grown: int) -> None:
    """Moves the bytes of a file from `start` on by `grown` bytes towards the end."""
    end = file.seek(0, os.SEEK_END)
    while end > start:
        begin = max(start, end - _BLOCK)
        file.seek(begin)
        block = file.read(end - begin)
        file.seek(begin + grown)
        file.write(block)
        end = begin


def _is_first_version(file: IO[bytes], box: Box) -> bool:
    return box.kind == b"uuid" and whole_of(file, box)[box.content - box.start :].startswith(_FIRST_VERSION)
