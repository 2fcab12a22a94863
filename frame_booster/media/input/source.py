"""What every kind of input gives: decoded frames of one stream, and the packets of all others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av


@dataclass(frozen=True)
class VideoInfo:
    """What is known of the video before it is decoded."""

    width: int
    height: int
    pix_fmt: str
    time_base: Fraction
    rate: Fraction | None
    """Average frames a second, None if unknown."""
    sample_aspect_ratio: Fraction | None = None
    frames: int | None = None
    """Number of frames, as far as the container tells or its duration lets guess."""
    metadata: dict[str, str] = field(default_factory=dict)
    """Tags of the video stream."""
    disposition: int = 0
    colour: dict[str, int] = field(default_factory=dict)
    """Colour tags of the stream, by PyAV's names of them."""


@dataclass(frozen=True)
class FrameFormat:
    """Size, pixel format and colour tags (numbers of H.273) of frames; one for all frames that a source gives."""

    width: int
    height: int
    pix_fmt: str
    colorspace: int = 2
    color_range: int = 0
    color_primaries: int = 2
    color_trc: int = 2

    def example(self) -> av.VideoFrame:
        """Returns a frame of this format, of whatever pixels."""
        frame = av.VideoFrame(self.width, self.height, self.pix_fmt)
        frame.colorspace, frame.color_range = self.colorspace, self.color_range
        frame.color_primaries, frame.color_trc = self.color_primaries, self.color_trc
        return frame


@dataclass(frozen=True)
class SourceFrame:
    """A decoded frame, in one component a plane, with its time in ticks of `VideoInfo.time_base`."""

    frame: av.VideoFrame
    pts: int
    duration: int
    """Ticks; 0 if the source does not say."""
    captions: bytes = b""
    """Closed captions that came with it: cc_data of CEA-708, three bytes a piece."""


@dataclass
class SourceReport:
    """What was noticed while reading."""

    decode_errors: int = 0
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Notes a warning, once."""
        if text not in self.warnings:
            self.warnings.append(text)


@dataclass(frozen=True)
class Resume:
    """Where an earlier reading is to be taken up."""

    pts: int
    """Of the first frame to give, as `items` gave it."""
    shift: Fraction
    """By which `items` moved all times, s (`Source.shift`)."""
    format: FrameFormat | None = None
    """Of all frames that `items` gave (`Source.format`)."""


class Source(Protocol):
    """An input opened for reading; a context manager."""

    path: Path
    report: SourceReport
    info: VideoInfo
    metadata: dict[str, str]
    """Tags of the whole file."""

    @property
    def whole(self) -> bool:
        """Whether all of the file is read, at its own times."""
        ...

    @property
    def shift(self) -> Fraction:
        """By which all times are moved towards 0, s; known once the first frame is given."""
        ...

    @property
    def begins_at(self) -> Fraction:
        """How far into the video the first frame lies, s; 0 where all is read. Known once that frame is given."""
        ...

    @property
    def format(self) -> FrameFormat | None:
        """Of all frames that are given; known once the first is."""
        ...

    @property
    def expected_frames(self) -> int | None:
        """How many frames `items` will give, for a progress bar; None if unknown."""
        ...

    @property
    def other_streams(self) -> list[Any]:
        """PyAV's streams of the input but the one that is decoded."""
        ...

    @property
    def chapters(self) -> list[Any]:
        """PyAV's chapters of the input."""
        ...

    def items(
        self, *, resume: Resume | None = None, video: bool = True, packets: bool = True
    ) -> Iterator[SourceFrame | av.Packet]:
        """Yields decoded frames and the other streams' packets in the input's order.

        Args:
          resume: where to begin, as an earlier reading came to it.
          video: whether to give frames.
          packets: whether to give packets.

        Raises:
          DecodeError: the input breaks off, or the reading is strict and frames change so that something is lost.
        """
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Source: ...

    def __exit__(self, *error: object) -> None: ...


class LoneVideo:
    """What sources have in common that hold pictures and nothing else."""

    format: FrameFormat | None = None
    begins_at = Fraction(0)

    @property
    def other_streams(self) -> list[Any]:
        """None."""
        return []

    @property
    def chapters(self) -> list[Any]:
        """None."""
        return []

    def close(self) -> None:
        """Closes what is open; nothing, unless a source says otherwise."""

    def __exit__(self, *error: object) -> None:
        self.close()
