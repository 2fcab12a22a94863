"""Encoded packets on disk, segment by segment: what is written is there after a crash.

Our own format, not a container's: timestamps are kept to the tick whatever the time base, and packets come back as the
encoder gave them.
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
"""pts, dts, duration (ticks), whether it is a key frame, size (bytes)."""
_ANEW = "delete its folder to begin anew"


class SegmentWriter:
    """Writes packets to a file that gets its name when it is complete and on disk.

    Raises:
      OutputError: it cannot be written, as on a disk that is full; so do its methods.
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
        """Makes the file durable under its name."""
        with writing(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            retried(self._partial.replace, self.path)
            sync_folder(self.path.parent)

    def abandon(self) -> None:
        """Removes what there is, also where a full disk does not take the rest."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._partial.unlink(missing_ok=True)


def read_segment(path: Path) -> Iterator[av.Packet]:
    """Yields the packets of a complete segment.

    Raises:
      OutputError: it is not there, or not whole.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise OutputError(f"a segment cannot be read: {error.strerror}", path=path, hint=_ANEW) from error
    with file:
        while head := file.read(_RECORD.size):
            if len(head) < _RECORD.size:
                raise OutputError("a segment is not whole", path=path, hint=_ANEW)
            pts, dts, duration, key, size = _RECORD.unpack(head)
            data = file.read(size)
            if len(data) < size:
                raise OutputError("a segment is not whole", path=path, hint=_ANEW)
            packet = av.Packet(data)
            packet.pts, packet.dts, packet.duration, packet.is_keyframe = pts, dts, duration, bool(key)
            yield packet


def shift_segment(path: Path, moved: Path, ticks: int) -> None:
    """Copies a complete segment, with all times later by so many ticks: of formats that count frames.

    Args:
      path: of the segment.
      moved: of the copy, which has its name when it is on disk.
      ticks: to add to all pts and dts.
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
