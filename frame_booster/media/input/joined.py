"""Files with another file behind their end, as `cat` joins two: where that begins, which FFmpeg passes over in silence.

FFmpeg goes on over such a place in MPEG's streams, AVI, DV, GIF, Matroska and raw streams. In the formats below it ends
there, or gives a part of what follows, and says nothing.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from frame_booster.errors import DecodeError
from frame_booster.media.input.source import SourceReport
from frame_booster.media.mp4.boxes import boxes
from frame_booster.media.remote_path import RemotePath

_SIGNATURES = {
    # The FLV header, a data offset of 9 and the size of no tag before it (Video File Format 10.1, annex E.2 and E.3).
    "flv": (b"FLV\x01", b"\x00\x00\x00\x09\x00\x00\x00\x00", 5),
    "nut": (b"nut/multimedia container\x00", b"", 0),
    "rm": (b".RMF\x00\x00\x00", b"", 0),
    "ivf": (b"DKIF\x00\x00\x20\x00", b"", 0),
    # The GUID of a header object (ASF specification, 10.1).
    "asf": (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), b"", 0),
    # Signature and first chunk (PNG specification, 5.2 and 11.2.1).
    "apng": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR", b"", 0),
    "yuv4mpegpipe": (b"YUV4MPEG2 ", b"", 0),
}
"""By FFmpeg's names of demuxers: how a file begins, and what stands at a distance from there."""
_OGG_PAGE = b"OggS\x00"
_OGG_BEGINS = 2
"""Bit of an Ogg page's header type: the first page of a logical stream (RFC 3533, 6)."""


def second_file(path: Path, format_name: str) -> int | None:
    """Returns at which byte of a file another begins; None where none is found, or in formats that go on there.

    Args:
      path: of the file; of what is no file on a disk, or read by address, little or nothing is said.
      format_name: FFmpeg's name of the demuxer, or "webp".
    """
    if not path.is_file() or path.stat().st_size == 0:
        return None
    names = format_name.split(",")
    if "mov" in names:
        return _second_movie(path)
    known = next((name for name in names if name in _SIGNATURES), None)
    if (known is None and not {"ogg", "webp"} & set(names)) or isinstance(path, RemotePath):
        # To find it in these formats the whole file would be fetched once more.
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if "webp" in names:
            return _behind_riff(data)
        return _second_chain(data) if known is None else _second_header(data, *_SIGNATURES[known])


def _second_header(data: mmap.mmap, signature: bytes, further: bytes, distance: int) -> int | None:
    at = data.find(signature, 1)
    while at >= 0 and data[at + distance : at + distance + len(further)] != further:
        at = data.find(signature, at + 1)
    return at if at >= 0 else None


def _second_chain(data: mmap.mmap) -> int | None:
    """Returns where a logical stream of Ogg begins after pages that go on with others: a chained file (RFC 3533, 4)."""
    at = data.find(_OGG_PAGE)
    while 0 <= at < len(data) - len(_OGG_PAGE) and data[at + len(_OGG_PAGE)] & _OGG_BEGINS:
        at = data.find(_OGG_PAGE, at + 1)
    at = data.find(_OGG_PAGE + bytes([_OGG_BEGINS]), at) if at >= 0 else -1
    return at if at >= 0 else None


def _behind_riff(data: mmap.mmap) -> int | None:
    """Returns where the first RIFF file ends, if another follows; its size is told in bytes 4 to 7, and even."""
    size = struct.unpack_from("<I", data, 4)[0] if len(data) >= 8 else 0
    end = 8 + size + size % 2
    return end if bool(data[end : end + 4] == b"RIFF") else None


def _second_movie(path: Path) -> int | None:
    """Returns where a second `ftyp` stands behind an index, at the top of an MP4 or MOV (ISO/IEC 14496-12, 4.2)."""
    index = False
    with path.open("rb") as file:
        for box in boxes(file):
            if box.kind == b"ftyp" and index:
                return box.start
            index = index or box.kind == b"moov"
    return None


def said_of(offset: int) -> str:
    """Returns a sentence for the user about a file that begins at a byte of another."""
    how = "join videos with ffmpeg's concat demuxer, or process each separately"
    return f"another file begins at byte {offset} (joined by cat?) and is not read, or only in part: {how}"


def check_joined(path: Path, format_name: str, report: SourceReport, *, strict: bool) -> None:
    """Warns of another file behind the end of one, which is not read.

    Raises:
      DecodeError: there is one, and the reading is strict.
    """
    offset = second_file(path, format_name)
    if offset is None:
        return
    if strict:
        raise DecodeError(said_of(offset), path=path)
    report.warn(said_of(offset))
