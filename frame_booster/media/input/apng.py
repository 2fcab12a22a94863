"""Times of an animated PNG as its frame control chunks tell them (PNG 3, W3C 2025, 11.3.6.2), which are exact.

FFmpeg's demuxer rounds every delay to 10 µs, and the rounding adds up: at 30 frames a second to 10 ms in half a minute.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.error

from frame_booster.media.input.video_stream import VideoTrack
from frame_booster.media.paths import readable
from frame_booster.media.pyav.rational import exact

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
DELAY = 20
"""Where a frame control chunk has its delay: numerator and denominator of s, 16 bits each."""
_FINEST = 10**8
"""Most ticks a second of a time base of exact delays; encoders and containers have 31 bits for it."""


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yields of each chunk its kind, where its data is, and of how many bytes that should be."""
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        return
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        here = file.tell()
        yield kind, here, length
        if kind == b"IEND":
            return
        file.seek(here + length + 4)


def frame_controls(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yields where the data of each frame control chunk is, and the data; not of one that is cut off."""
    for kind, here, length in _chunks(file):
        if kind == b"fcTL" and len(data := file.read(length)) == length >= DELAY + 4:
            yield here, data


def is_cut_off(path: Path, frames: int) -> bool:
    """Tells whether an animated PNG ends too early: without its end chunk, and without frames that it counts.

    Args:
      path: of the file; of pipes and the like it cannot be told.
      frames: how many have been read.
    """
    if not path.is_file():
        return False
    counted = 0
    with path.open("rb") as file:
        for kind, _, _ in _chunks(file):
            if kind == b"IEND":
                return False
            if kind == b"acTL" and len(data := file.read(4)) == 4:
                counted = int.from_bytes(data, "big")
    return frames < counted


def delays(path: Path) -> list[Fraction]:
    """Returns how long each frame of an animated PNG is shown, s."""
    with path.open("rb") as file:
        found = [struct.unpack(">HH", data[DELAY : DELAY + 4]) for _, data in frame_controls(file)]
    # A denominator of 0 stands for 100.
    return [Fraction(numerator, denominator or 100) for numerator, denominator in found]


class ExactTimes:
    """Gives the packets of an animated PNG their exact times.

    Args:
      time_base: of the exact times, s.
      times: pts and duration in ticks of it, by FFmpeg's pts.
    """

    def __init__(self, time_base: Fraction, times: dict[int, tuple[int, int]]) -> None:
        self.time_base, self._times = time_base, times
        self.frames = len(times)
        shown = sum(duration for _, duration in times.values())
        self.rate = self.frames / (shown * time_base) if shown else None
        """Average frames a second: what FFmpeg calls so is 100000 where delays differ."""

    def applied(self, track: VideoTrack) -> VideoTrack:
        """Returns a stream whose frames come at these times, whatever FFmpeg makes of them."""
        rate = self.rate or track.rate
        info = replace(track.info, time_base=self.time_base, rate=rate, frames=self.frames)
        return track._replace(info=info, rate=rate)

    def packets(self, packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
        """Yields packets with their times changed."""
        for packet in packets:
            if packet.pts is not None:
                packet.pts, packet.duration = self._times[packet.pts]
                packet.dts = packet.pts
                packet.time_base = self.time_base
            yield packet


def exact_times(path: Path) -> ExactTimes | None:
    """Returns the exact times of an animated PNG; None where its chunks and FFmpeg do not tell of the same frames.

    Args:
      path: of the file; of pipes and the like nothing can be said before they are read.
    """
    if not path.is_file():
        return None
    told = delays(path)
    try:
        with av.open(readable(path)) as container:
            rounded = exact(container.streams.video[0].time_base)
            seen = [(p.pts, p.duration) for p in container.demux() if p.pts is not None]
    except (av.error.FFmpegError, IndexError):
        return None
    if rounded is None or len(seen) != len(told) or len(dict(seen)) != len(told):
        return None
    # A delay of 0 is "as fast as can be": there FFmpeg's is taken.
    lengths = [
        delay if delay and abs(delay - ticks * rounded) <= rounded else ticks * rounded
        for delay, (_, ticks) in zip(told, seen, strict=True)
    ]
    finest = math.lcm(*(length.denominator for length in lengths))
    if finest > _FINEST:
        return None
    times, at = {}, Fraction(0)
    for length, (pts, _) in zip(lengths, seen, strict=True):
        times[pts] = int(at * finest), int(length * finest)
        at += length
    return ExactTimes(Fraction(1, finest), times)
