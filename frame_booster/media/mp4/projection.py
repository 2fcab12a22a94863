"""Projection and stereo layout of a video in MP4 and MOV: what tells a player to show it as a sphere, or in 3D.

They lie in boxes of its track: `st3d` and `sv3d` (Google, "Spherical Video V2 RFC") and the `uuid` of the first version
("Spherical Video RFC"). FFmpeg reads some of them and PyAV can write none, so they are carried over as they are.
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
"""The identity of a `uuid` box whose content is XML."""
_VISUAL_ENTRY = 78
"""Bytes before the boxes of an entry of video (ISO/IEC 14496-12, 12.1.3)."""
_PLACES = {b"stco": ">u4", b"co64": ">u8"}
"""Boxes with the places of a track's chunks, from the beginning of the file (8.7.5)."""
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Projection:
    """Whole boxes, as the source has them."""

    entry: bytes
    """Those of the sample entry."""
    track: bytes
    """Those of the track itself."""


def read_projection(path: Path, track_id: int) -> Projection | None:
    """Returns what a file says of a video's projection and stereo layout.

    Args:
      path: of an MP4 or MOV.
      track_id: of the video, as the header of its track has it (ISO/IEC 14496-12, 8.3.2).

    Returns:
      None where it says nothing, or is no file that can be gone back in.
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
    """Adds to a finished MP4 or MOV what another says of its video's projection.

    Returns:
      False where it is left as it is: one in fragments, or one that would need places of 64 bits and has 32.
    """
    with path.open("r+b") as file:
        whole = list(boxes(file))
        index = next((box for box in whole if box.kind == b"moov"), None)
        if index is None or any(box.kind == b"moof" for box in whole):
            return False
        made = _with_projection(whole_of(file, index), track_id, projection, index.start)
        if made is None:
            return False
        _move_on(file, index.end, len(made) - (index.end - index.start))
        file.seek(index.start)
        file.write(made)
    return True


def _with_projection(index: bytes, track_id: int, projection: Projection, start: int) -> bytes | None:
    """Returns an index that lies at a byte of a file, with a projection added; None where it cannot take it."""
    file = BytesIO(index)
    track = find_track(file, track_id)
    entry = None if track is None else entry_of(file, track)
    if track is None or entry is None:
        return None
    data = bytearray(index)
    grown = len(projection.entry) + len(projection.track)
    for box in (box for kind in _PLACES for box in boxes_at(file, (b"moov", b"trak", *TABLE[:3], kind))):
        if not _move_places(data, box, start, grown):
            return None
    inner = [next(boxes_at(file, TABLE[: n + 1], track)) for n in range(len(TABLE))]
    sizes = {Box(b"moov", 0, 8, len(index)): grown, track: grown}
    for box, more in {**sizes, **dict.fromkeys([*inner, entry], len(projection.entry))}.items():
        struct.pack_into(">I", data, box.start, box.end - box.start + more)
    # The later place first, so that the earlier one stays where it is.
    data[track.end : track.end] = projection.track
    data[entry.end : entry.end] = projection.entry
    return bytes(data)


def _move_places(data: bytearray, box: Box, start: int, grown: int) -> bool:
    """Moves on those places of a `stco` or `co64` that lie behind an index; False where one needs more bits."""
    kind = np.dtype(_PLACES[box.kind])
    (count,) = struct.unpack_from(">I", data, box.content + 4)
    places = np.frombuffer(data, kind, count, box.content + 8)
    moved = places.astype(np.uint64)
    moved[moved > start] += grown
    if count and int(moved.max()) > np.iinfo(kind).max:
        return False
    places[:] = moved
    return True


def _move_on(file: IO[bytes], start: int, grown: int) -> None:
    """Moves all that follows a byte of a file on."""
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
