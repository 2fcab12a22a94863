"""What every kind of input gives: decoded frames of one stream, and the packets of all others."""

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
    projection: Projection | None = None
    """What an MP4 or MOV says of a 360 degree or 3D video beside its pixels."""


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
    truncated: str | None = None
    """How the input breaks off before its end, where it does; what there was has been read."""

    def warn(self, text: str, *, instead_of: str | None = None) -> None:
        """Notes a warning, once; one that counts comes instead of what it said before."""
        if instead_of in self.warnings:
            self.warnings[self.warnings.index(instead_of)] = text
        elif text not in self.warnings:
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
    fields: str | None = None
    """What `items` did with interlaced frames (`Source.fields`)."""


class Source(ABC):
    """An input opened for reading; a context manager.

    A new kind is a subclass that gives `items`; what it does not say of itself is as of pictures alone, which have no
    other streams, no chapters and begin at 0. It is tested by a line in tests/media/input/test_sources.py.
    """

    path: Path
    report: SourceReport
    info: VideoInfo
    metadata: dict[str, str]
    """Tags of the whole file."""
    whole: bool
    """Whether all of the input is read, at its own times."""
    part: tuple[Fraction | None, Fraction | None] = (None, None)
    """Where what is read of it begins and ends, s from its start; None where the input itself does."""

    @abstractmethod
    def items(
        self, *, resume: Resume | None = None, video: bool = True, packets: bool = True
    ) -> Iterator[SourceFrame | av.Packet]:
        """Yields decoded frames and the other streams' packets in the input's order.

        Args:
          resume: where to begin, as an earlier reading came to it.
          video: whether to give frames.
          packets: whether to give packets.

        An input that breaks off ends there, and the report says so (`SourceReport.truncated`).

        Raises:
          DecodeError: there is no frame, or the reading is strict and frames change so that something is lost.
        """

    @property
    def shift(self) -> Fraction:
        """By which all times are moved towards 0, s; known once the first frame is given."""
        return Fraction(0)

    @property
    def begins_at(self) -> Fraction:
        """How far into the video the first frame lies, s; 0 where all is read. Known once that frame is given."""
        return Fraction(0)

    @property
    def format(self) -> FrameFormat | None:
        """Of all frames that are given; known once the first is."""
        return None

    @property
    def fields(self) -> str | None:
        """What is done with interlaced frames, once it is known (`interlacing.Interlacing.treatment`)."""
        return None

    @property
    def expected_frames(self) -> int | None:
        """How many frames `items` will give, for a progress bar; None if unknown."""
        return self.info.frames

    @property
    def other_streams(self) -> list[Any]:
        """PyAV's streams of the input but the one that is decoded."""
        return []

    @property
    def plays(self) -> int | None:
        """How often an animation is shown, 0 being for ever; None where the input does not say."""
        return None

    @property
    def chapters(self) -> list[Any]:
        """Chapters of the input, as PyAV gives them."""
        return []

    # Of pictures nothing stays open.
    def close(self) -> None:  # noqa: B027
        """Closes what is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
