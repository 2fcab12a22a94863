"""The interface of all outputs: frames of one video stream, and packets of all other streams."""

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
    """Everything that was written to the output, for the check of the finished file."""

    frames: int = 0
    first_pts: int | None = None
    last_pts: int = 0
    end_pts: int = 0
    times: array[int] = field(default_factory=lambda: array("q"))
    """pts of all frames, unordered."""
    packets: dict[int, int] = field(default_factory=dict)
    """Number of packets of each other stream, by its index in the output."""
    sizes: dict[int, int] = field(default_factory=dict)
    """Bytes of these packets, by the same index."""
    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    """Tags of streams, by the same index."""
    dispositions: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Type ("audio") and FFmpeg's disposition flags of streams, by the same index."""
    attached: set[int] = field(default_factory=set)
    """Indexes of cover art and attachments in the output."""

    def add(self, pts: int, duration: int) -> None:
        """Records a frame at `pts` with `duration`, ticks; frames can come in any order."""
        self.frames += 1
        self.times.append(pts)
        self.first_pts = pts if self.first_pts is None else min(self.first_pts, pts)
        if self.frames == 1 or pts >= self.last_pts:
            self.last_pts, self.end_pts = pts, pts + duration


class Sink(Protocol):
    """Writes the frames of the output in order; a context manager."""

    warnings: list[str]
    written: Written

    def write(self, frame: av.VideoFrame, pts: int, duration: int, captions: bytes = b"") -> None:
        """Writes a frame at `pts` with `duration`, both in ticks of the output's time base.

        Args:
          captions: closed captions of the frame, in the form of `source.SourceFrame.captions`.
        """
        ...

    def copy(self, packet: av.Packet) -> None:
        """Writes a packet of another stream of the source."""
        ...

    def finish(self) -> Written:
        """Completes the output and returns what it must contain."""
        ...

    def __enter__(self) -> Sink: ...

    def __exit__(self, *error: object) -> None: ...


@dataclass(frozen=True)
class SinkOptions:
    """How the output is written.

    Attributes:
      name: path of the output in messages; it is written under another name until it is complete.
      format: FFmpeg's name of the container.
      time_base: time base of the timestamps given to the sink.
      rate: average frame rate, None if unknown.
      encoder: how the video is encoded.
      passthrough: what happens to other streams.
      reproducible: whether the same frames must always give the same packets.
      threads: threads of the encoder; None: chosen by FFmpeg.
      index_first: whether the index of MP4 and MOV comes first (fast start), for which they are written twice.
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
"""Containers that keep all frames and their times (or have no times at all).

AVI counts frames and cannot delay the first; from ASF and MPEG program streams FFmpeg reads other times, or fewer
frames. MXF counts frames too, which is exact at a constant frame rate; otherwise the check at the end fails.
"""
CONSTANT_RATE = frozenset({"yuv4mpegpipe", "rawvideo"})
"""Formats without timestamps, at a constant frame rate."""
_USUAL = "use .mp4, .mkv, .mov or .webm"


def container_format(path: Path, asked: str | None = None) -> str:
    """Returns FFmpeg's name of the container: the requested one, else that of the path's suffix.

    Raises:
      InputError: FFmpeg knows no such container, or it would lose frames or times.
    """
    if asked is None and path == PIPE:
        raise InputError("standard output needs a container", hint="use --output-format, for example nut or matroska")
    nothing = BytesIO()
    try:
        # Opened on memory: nothing is written to disk to learn a name.
        nothing.name = path.name
        container = av.open(nothing, "w", format=asked)
    except (av.error.FFmpegError, ValueError) as error:
        if asked is not None:
            raise InputError(f"unknown container {asked!r}", hint="ffmpeg -muxers lists them") from error
        raise InputError(f"unknown container suffix {path.suffix!r}", path=path, hint=_USUAL) from error
    name: str = container.format.name
    if name == "image2":
        raise InputError(
            "an image holds a single frame", path=path, hint="use a pattern such as frames/%05d.png, or a folder"
        )
    if container.format.no_file:
        raise InputError(f"the format {name} writes several files", path=path, hint=_USUAL)
    if name == "apng" and is_pipe(path):
        # If the number of frames in an APNG's header is 0, a browser shows the first frame only.
        text = "animated PNG cannot be piped: its header needs the number of frames"
        raise InputError(text, hint="write to a file, or use --output-format nut or webp")
    if not is_pipe(path) and name not in CONTAINERS:
        raise InputError(f"{name} cannot store every frame and its time", path=path, hint=_USUAL)
    return name


TICKS = {
    "gif": Fraction(1, 50),
    **dict.fromkeys(("matroska", "webm", "flv", "webp"), Fraction(1, 1000)),
    "mpegts": Fraction(1, 90000),
}
"""Time resolution of containers, s. That of GIF is 1/100 s, but browsers show a delay of 1/100 s as 10/100 s."""


def too_fast(format_name: str, rate: Fraction | None) -> bool:
    """Returns whether the time resolution of a container is too coarse for this frame rate."""
    tick = TICKS.get(format_name)
    return tick is not None and rate is not None and rate * tick > 1


def check_rate(format_name: str, rate: Fraction | None, path: Path) -> None:
    """Raises EncodeError if a rate is `too_fast` for a container."""
    if rate is None or not too_fast(format_name, rate):
        return
    tick = TICKS[format_name]
    hint = "use --fps 50 or less" if format_name == "gif" else "write an .mp4 or .mov, which can"
    raise EncodeError(
        f"{shown_format(format_name)} does not support {float(rate):.6g} fps: its timestamps are multiples of {tick} s",
        path=path,
        hint=hint,
    )
