"""The interface of all inputs: decoded frames of one video stream, and packets of all other streams."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from frame_booster.media.mp4.projection import Projection

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class VideoInfo:
    """Facts about the video that are known before decoding."""

    width: int
    height: int
    pix_fmt: str
    time_base: Fraction
    rate: Fraction | None
    """Average frame rate, None if unknown."""
    sample_aspect_ratio: Fraction | None = None
    frames: int | None = None
    """Number of frames, from the container or estimated from its duration."""
    metadata: dict[str, str] = field(default_factory=dict)
    """Tags of the video stream."""
    disposition: int = 0
    colour: dict[str, int] = field(default_factory=dict)
    """Colour tags of the stream, by PyAV's names."""
    projection: Projection | None = None
    """Metadata of an MP4 or MOV about a spherical (360 degree) or 3D video."""


@dataclass(frozen=True)
class FrameFormat:
    """Size, pixel format and colour tags (numbers of H.273), the same for all frames of a source."""

    width: int
    height: int
    pix_fmt: str
    colorspace: int = 2
    color_range: int = 0
    color_primaries: int = 2
    color_trc: int = 2

    def example(self) -> av.VideoFrame:
        """Returns a new frame of this format; its pixels are undefined."""
        frame = av.VideoFrame(self.width, self.height, self.pix_fmt)
        frame.colorspace, frame.color_range = self.colorspace, self.color_range
        frame.color_primaries, frame.color_trc = self.color_primaries, self.color_trc
        return frame


@dataclass(frozen=True)
class SourceFrame:
    """A decoded planar frame, with its time in ticks of `VideoInfo.time_base`."""

    frame: av.VideoFrame
    pts: int
    duration: int
    """Duration in ticks; 0 if the source does not say."""
    captions: bytes = b""
    """Closed captions of the frame: cc_data triplets of CEA-708."""


@dataclass
class SourceReport:
    """Damage and losses that were detected while reading."""

    decode_errors: int = 0
    warnings: list[str] = field(default_factory=list)
    truncated: str | None = None
    """How the input is truncated, if it is; the part before that has been read."""

    def warn(self, text: str, *, instead_of: str | None = None) -> None:
        """Adds a warning, once; it replaces `instead_of`, an earlier state of a warning that counts."""
        if instead_of in self.warnings:
            self.warnings[self.warnings.index(instead_of)] = text
        elif text not in self.warnings:
            self.warnings.append(text)


@dataclass(frozen=True)
class Resume:
    """The point at which to continue an earlier reading."""

    pts: int
    """pts of the first frame to yield, as `items` yielded it."""
    shift: Fraction
    """Offset by which `items` moved all times, s (`Source.shift`)."""
    format: FrameFormat | None = None
    """Format of all frames that `items` yielded (`Source.format`)."""
    fields: str | None = None
    """Treatment of interlaced frames by `items` (`Source.fields`)."""


class Source(ABC):
    """An input opened for reading; a context manager.

    A new kind of input is a subclass with `items`. The defaults of all other members are those of images, which have no
    other streams, no chapters and start at 0. Add its name to tests/media/input/test_sources.py.
    """

    path: Path
    report: SourceReport
    info: VideoInfo
    metadata: dict[str, str]
    """Tags of the whole file."""
    whole: bool
    """Whether the whole input is read, with its own times."""
    part: tuple[Fraction | None, Fraction | None] = (None, None)
    """Start and end of the part that is read, s from the start of the input; None for those of the input."""

    @abstractmethod
    def items(
        self, *, resume: Resume | None = None, video: bool = True, packets: bool = True
    ) -> Iterator[SourceFrame | av.Packet]:
        """Yields decoded frames, and packets of the other streams, in the order of the input.

        Args:
          resume: where to continue an earlier reading.
          video: whether to yield frames.
          packets: whether to yield packets.

        A truncated input ends early, and the report says so (`SourceReport.truncated`).

        Raises:
          DecodeError: there is no frame, or the reading is strict and a change of format loses something.
        """

    @property
    def shift(self) -> Fraction:
        """Offset by which all times are moved towards 0, s; known after the first frame."""
        return Fraction(0)

    @property
    def begins_at(self) -> Fraction:
        """Time of the first yielded frame in the video, s; 0 if all is read. Known after that frame."""
        return Fraction(0)

    @property
    def format(self) -> FrameFormat | None:
        """Format of all frames; known after the first."""
        return None

    @property
    def fields(self) -> str | None:
        """Treatment of interlaced frames, once it is known (`interlacing.Interlacing.treatment`)."""
        return None

    @property
    def expected_frames(self) -> int | None:
        """Number of frames that `items` will yield, for a progress bar; None if unknown."""
        return self.info.frames

    @property
    def other_streams(self) -> list[Any]:
        """PyAV's streams of the input except the decoded one."""
        return []

    @property
    def plays(self) -> int | None:
        """How often an animation is played, 0 for ever; None if the input does not say."""
        return None

    @property
    def chapters(self) -> list[Any]:
        """Chapters of the input, in PyAV's form."""
        return []

    # Of pictures nothing stays open.
    def close(self) -> None:  # noqa: B027
        """Closes the files of the input."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
