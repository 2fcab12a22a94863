"""What every kind of output takes: the frames of one stream, and the packets of all others."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Protocol

import av
import av.error

from frame_booster.errors import EncodeError, InputError
from frame_booster.media.passthrough.capabilities import shown_format
from frame_booster.media.passthrough.options import PassthroughOptions
from frame_booster.media.paths import PIPE, is_pipe
from frame_booster.options import EncoderOptions


@dataclass
class Written:
    """What went into the output, to be checked when it is closed."""

    frames: int = 0
    first_pts: int | None = None
    last_pts: int = 0
    end_pts: int = 0
    times: array[int] = field(default_factory=lambda: array("q"))
    """pts of all frames, in no order."""
    packets: dict[int, int] = field(default_factory=dict)
    """Packets of other streams, by index of the output's stream."""
    sizes: dict[int, int] = field(default_factory=dict)
    """Bytes of them, likewise."""
    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    """Tags of streams, likewise."""
    dispositions: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Kind of streams ("audio") and FFmpeg's flags of what they are for, likewise."""
    attached: set[int] = field(default_factory=set)
    """Indexes of the output's streams that are covers and attached files."""

    def add(self, pts: int, duration: int) -> None:
        """Counts a frame that is shown at `pts` for `duration`, ticks; frames may come in any order."""
        self.frames += 1
        self.times.append(pts)
        self.first_pts = pts if self.first_pts is None else min(self.first_pts, pts)
        if self.frames == 1 or pts >= self.last_pts:
            self.last_pts, self.end_pts = pts, pts + duration


class Sink(Protocol):
    """Takes the frames of the output in order; a context manager."""

    warnings: list[str]
    written: Written

    def write(self, frame: av.VideoFrame, pts: int, duration: int, captions: bytes = b"") -> None:
        """Takes a frame to be shown at `pts` for `duration`, both in ticks of the output's time base.

        Args:
          captions: closed captions to go with it, as `source.SourceFrame` has them.
        """
        ...

    def copy(self, packet: av.Packet) -> None:
        """Takes a packet of another stream of the source."""
        ...

    def finish(self) -> Written:
        """Completes the output and tells what it must hold."""
        ...

    def __enter__(self) -> Sink: ...

    def __exit__(self, *error: object) -> None: ...


@dataclass(frozen=True)
class SinkOptions:
    """How the output is written.

    Attributes:
      name: of the output, as messages give it; it is written under another until it is complete.
      format: FFmpeg's name of the container.
      time_base: of the timestamps that a sink is given.
      rate: average frames a second, None if unknown.
      encoder: how the video is encoded.
      passthrough: what becomes of other streams.
      reproducible: whether the same frames must give the same packets every time.
      threads: of the encoder; None leaves it to FFmpeg.
      index_first: whether MP4 and MOV get their index before their pictures, for which they are written twice.
    """

    name: Path
    format: str
    time_base: Fraction
    rate: Fraction | None
    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    passthrough: PassthroughOptions = field(default_factory=PassthroughOptions)
    reproducible: bool = False
    threads: int | None = None
    index_first: bool = False


CONTAINERS = frozenset({"mp4", "mov", "ipod", "f4v", "3gp", "3g2", "ismv", "matroska", "webm", "nut", "mpegts"}) | {
    *("flv", "mxf", "gif", "webp", "apng", "yuv4mpegpipe", "rawvideo")
}
"""Containers that give back the frames, and the times, that were put in (or have no times at all).

AVI counts frames and cannot delay the first; of ASF and MPEG program streams FFmpeg reads other times, or fewer frames.
MXF counts, too, but does so exactly where frames are regular; where they are not, the check at the end says so.
"""
CONSTANT_RATE = frozenset({"yuv4mpegpipe", "rawvideo"})
"""Formats without timestamps: their frames are counted."""
_USUAL = "use .mp4, .mkv, .mov or .webm"


def container_format(path: Path, asked: str | None = None) -> str:
    """Returns FFmpeg's name of the container: the one asked for, else the one of the path's suffix.

    Raises:
      InputError: FFmpeg knows none, or one that a result could not be trusted to.
    """
    if asked is None and path == PIPE:
        raise InputError("standard output has no suffix", hint="give --output-format, for example nut or matroska")
    nothing = BytesIO()
    try:
        # Opened on memory: nothing is written to disk to learn a name.
        nothing.name = path.name
        container = av.open(nothing, "w", format=asked)
    except (av.error.FFmpegError, ValueError) as error:
        if asked is not None:
            raise InputError(f"no container {asked!r} is known", hint="as ffmpeg -muxers lists them") from error
        raise InputError(f"no container is known for the suffix {path.suffix!r}", path=path, hint=_USUAL) from error
    name: str = container.format.name
    if name == "image2":
        raise InputError("a picture holds one frame", path=path, hint="give a pattern, as frames/%05d.png, or a folder")
    if container.format.no_file:
        raise InputError(f"{name} is more than one file", path=path, hint=_USUAL)
    if name == "apng" and is_pipe(path):
        # Of an APNG that counts none, a browser shows the first frame alone.
        text = "an animated PNG says at its beginning how many frames it has, which is known at the end"
        raise InputError(text, hint="write it to a file, or pipe nut or webp")
    if not is_pipe(path) and name not in CONTAINERS:
        raise InputError(f"{name} does not keep every frame and its time", path=path, hint=_USUAL)
    return name


TICKS = {
    "gif": Fraction(1, 50),
    **dict.fromkeys(("matroska", "webm", "flv", "webp"), Fraction(1, 1000)),
    "mpegts": Fraction(1, 90000),
}
"""Containers whose times are whole numbers of this, s. A GIF's are 1/100 s, but browsers show less than two as ten."""


def too_fast(format_name: str, rate: Fraction | None) -> bool:
    """Tells whether a container would give two frames of this rate one time, or show them too long."""
    tick = TICKS.get(format_name)
    return tick is not None and rate is not None and rate * tick > 1


def check_rate(format_name: str, rate: Fraction | None, path: Path) -> None:
    """Raises EncodeError where a rate is `too_fast` for a container."""
    if rate is None or not too_fast(format_name, rate):
        return
    tick = TICKS[format_name]
    hint = "give --fps 50 or less" if format_name == "gif" else "write an .mp4 or .mov, which can"
    raise EncodeError(
        f"{shown_format(format_name)} cannot show {float(rate):.6g} frames a second: "
        f"its times are whole numbers of {tick} s",
        path=path,
        hint=hint,
    )
