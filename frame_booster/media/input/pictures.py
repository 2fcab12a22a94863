"""Picture sequences in and out: `frames/`, `frames/%05d.png`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error

from frame_booster.errors import DecodeError, InputError
from frame_booster.media.frames.planes import planar
from frame_booster.media.input.constant_format import ConstantFormat
from frame_booster.media.input.part import Labels, bounds, nothing_in_part
from frame_booster.media.input.source import FrameFormat, Resume, Source, SourceFrame, SourceReport, VideoInfo
from frame_booster.media.paths import PICTURES, is_pattern, split_pattern, url
from frame_booster.media.pyav.tag_text import TAGS_AS_BYTES
from frame_booster.options import Position

DEFAULT_RATE = Fraction(25)


def numbered(path: Path) -> list[Path]:
    """Returns the files of a sequence in their order: by the number in the pattern, or in the name.

    Args:
      path: a folder of pictures, or a pattern.

    Raises:
      InputError: there is none, or numbers are missing in a pattern's sequence.
    """
    if is_pattern(path):
        if not path.parent.is_dir():
            raise InputError("no such folder", path=path.parent)
        before, after = (re.escape(part) for part in split_pattern(path.name))
        matcher = re.compile(f"{before}(\\d+){after}")
        found: dict[int, Path] = {}
        for file in sorted(path.parent.iterdir()):
            match = matcher.fullmatch(file.name)
            if match is None:
                continue
            twice = found.setdefault(int(match[1]), file)
            if twice != file:
                names = f"{twice.name} and {file.name}"
                raise InputError(f"two images have the same number: {names}", path=path, hint="remove one of them")
        if not found:
            raise InputError("no file matches the pattern", path=path)
        numbers = sorted(found)
        missing = next((n for n in range(numbers[0], numbers[-1]) if n not in found), None)
        if missing is not None:
            raise InputError(f"image {missing} of the sequence is missing", path=path)
        return [found[n] for n in numbers]
    files = [p for p in path.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith(".")]
    if not files:
        raise InputError("has no images", path=path)
    return sorted(files, key=lambda p: [int(x) if x.isdecimal() else x for x in re.split(r"(\d+)", p.name)])


def files_of(path: Path) -> list[Path]:
    """Returns the files that an input is made of: the pictures of a pattern or a folder, else the input itself.

    What else lies in a folder of pictures, as the output of a run, is no part of it.
    """
    return numbered(path) if path.is_dir() or (is_pattern(path) and not path.exists()) else [path]


class SequenceSource(Source):
    """Numbered pictures opened for reading; a `source.Source`.

    Args:
      path: a folder or a pattern.
      rate: frames a second; 25 if None.
      start, end, duration: the part to take (`part.bounds`).
      strict: whether a picture of another kind than the first, of which something would be lost, is an error.

    Raises:
      InputError: there are no such pictures, or the first cannot be read.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate: Fraction | None = None,
        start: Position | None = None,
        end: Position | None = None,
        duration: Position | None = None,
        strict: bool = False,
    ) -> None:
        self.path, self.report = path, SourceReport()
        self.metadata: dict[str, str] = {}
        self.whole = start is None and end is None and duration is None
        self._rate = rate or DEFAULT_RATE
        files = numbered(path)
        labels = Labels(path, self._rate, frames=len(files))
        begins, ends = bounds(labels, start, end, duration, Fraction(0))
        self.part = begins, ends
        first = 0 if begins is None else math.ceil(begins * self._rate)
        self.files = files[first : len(files) if ends is None else math.ceil(ends * self._rate)]
        if not self.files:
            raise nothing_in_part(path, len(files) / self._rate)
        frame = planar(self._read(self.files[0]))
        self._constant = ConstantFormat(path, self.report, strict=strict)
        self._constant.take(frame, Fraction(0))
        self.info = VideoInfo(
            width=frame.width,
            height=frame.height,
            pix_fmt=frame.format.name,
            time_base=1 / self._rate,
            rate=self._rate,
            frames=len(self.files),
        )

    @property
    def format(self) -> FrameFormat | None:
        return self._constant.first

    def items(
        self, *, resume: Resume | None = None, video: bool = True, packets: bool = True
    ) -> Iterator[SourceFrame | av.Packet]:
        """Yields the pictures, one tick each (`source.Source.items`)."""
        if not video:
            return
        for k in range(0 if resume is None else resume.pts, len(self.files)):
            frame = planar(self._read(self.files[k]))
            yield SourceFrame(self._constant.take(frame, k / self._rate), k, 1)

    def _read(self, path: Path) -> av.VideoFrame:
        frame, tracks = _read_picture(path)
        if tracks > 1 and path.suffix.lower() == ".avif":
            # There alpha is a picture of its own.
            self.report.warn("the alpha of the AVIF images is lost: FFmpeg decodes only their colours")
        return frame


def _read_picture(path: Path) -> tuple[av.VideoFrame, int]:
    """Returns the first frame of a file, and how many pictures lie in it side by side."""
    try:
        with av.open(url(path), options={"pattern_type": "none"}, **TAGS_AS_BYTES) as container:
            for frame in container.decode(video=0):
                return frame, len(container.streams.video)
    except (av.error.FFmpegError, IndexError) as error:
        raise DecodeError(f"cannot be read as an image: {error}", path=path) from error
    raise DecodeError("contains no image", path=path)
