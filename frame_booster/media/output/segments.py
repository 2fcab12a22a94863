"""Storage of encoded packets on disk in segments, which survive a crash.

The file format is not that of a container: it keeps timestamps exactly in any time base, and packets unchanged.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av

from frame_booster.errors import OutputError
from frame_booster.files import retried, sync_folder
from frame_booster.media.output.refusals import writing

_RECORD = struct.Struct("<qqqBI")
"""pts, dts and duration in ticks, whether the packet is a key frame, size in bytes."""
_ANEW = "delete its folder to start again"


class SegmentWriter:
    """Writes packets to a file that gets its name when it is complete and flushed to disk.

    Raises:
      OutputError: the file cannot be written, for example because the disk is full; methods raise it, too.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.packets = path, 0
        self._partial = path.with_suffix(".partial")
        with writing(path):
            self._file = self._partial.open("wb")

    def add(self, packet: av.Packet) -> None:
        """Appends a packet."""
        data = bytes(packet)
        dts = packet.pts if packet.dts is None else packet.dts
        with writing(self.path):
            self._file.write(_RECORD.pack(packet.pts, dts, packet.duration or 0, packet.is_keyframe, len(data)))
            self._file.write(data)
        self.packets += 1

    def finish(self) -> None:
        """Flushes the file to disk and renames it to its name."""
        with writing(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            retried(self._partial.replace, self.path)
            sync_folder(self.path.parent)

    def abandon(self) -> None:
        """Closes and removes the file, ignoring errors, such as those of a full disk."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._partial.unlink(missing_ok=True)


def read_segment(path: Path) -> Iterator[av.Packet]:
    """Yields the packets of a complete segment.

    Raises:
      OutputError: the file is missing or incomplete.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise OutputError(f"a segment cannot be read: {error.strerror}", path=path, hint=_ANEW) from error
    with file:
        while head := file.read(_RECORD.size):
            if len(head) < _RECORD.size:
                raise OutputError("a segment is incomplete", path=path, hint=_ANEW)
            pts, dts, duration, key, size = _RECORD.unpack(head)
            data = file.read(size)
            if len(data) < size:
                raise OutputError("a segment is incomplete", path=path, hint=_ANEW)
            packet = av.Packet(data)
            packet.pts, packet.dts, packet.duration, packet.is_keyframe = pts, dts, duration, bool(key)
            yield packet


def shift_segment(path: Path, moved: Path, ticks: int) -> None:
    """Copies a complete segment with all times moved, for formats that count frames.

    Args:
      path: path of the segment.
      moved: path of the copy, which is flushed to disk when it gets this name.
      ticks: number of ticks to add to all pts and dts.

    Raises:
      OutputError: the segment cannot be read, or the copy cannot be written.
    """
    writer = SegmentWriter(moved)
    try:
        for packet in read_segment(path):
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            writer.add(packet)
        writer.finish()
    except BaseException:
        writer.abandon()
        raise
