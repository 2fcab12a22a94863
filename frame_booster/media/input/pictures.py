"""Picture sequences in and out: `frames/`, `frames/%05d.png`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from frame_booster.errors import DecodeError, EncodeError, InputError, OutputError
from frame_booster.media.input.constant_format import ConstantFormat
from frame_booster.media.input.container import url
from frame_booster.media.paths import VIDEOS
from frame_booster.media.frames.planes import converted, planar
from frame_booster.media.input.source import LoneVideo, Resume, SourceFrame, SourceReport, VideoInfo
from frame_booster.media.output.sink import Written
from frame_booster.options import EncoderOptions

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".dpx", ".ppm", ".pgm", ".exr", ".jxl"})
"""Suffixes of still pictures."""
DEFAULT_RATE = Fraction(25)
DEFAULT_PATTERN = "%06d.png"
_NUMBER = re.compile(r"%0?(\d*)d")


def is_pattern(path: Path) -> bool:
    """Tells whether a path is a pattern of numbered pictures, as `%05d.png`; `50%d.mp4` is a video of that name."""
    return bool(_NUMBER.search(path.name)) and path.suffix.lower() not in {"", *VIDEOS} and not path.is_dir()


def sequence_name(path: Path) -> str:
    """Returns what a pattern's pictures are called before their number, as `shot` of `shot_%04d.png`."""
    return _split(path.name)[0].rstrip("._- ")


def is_picture_folder(path: Path) -> bool:
    """Tells whether a path is a folder that holds pictures, and nothing that could be a video."""
    if not path.is_dir():
        return False
    suffixes = {p.suffix.lower() for p in path.iterdir() if p.is_file() and not p.name.startswith(".")}
    return bool(suffixes & PICTURES) and not suffixes - PICTURES - {".txt", ".json", ".csv"}


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
        before, after = (re.escape(part) for part in _split(path.name))
        matcher = re.compile(f"{before}(\\d+){after}")
        found = {int(m[1]): p for p in path.parent.iterdir() if (m := matcher.fullmatch(p.name))}
        if not found:
            raise InputError("no file matches the pattern", path=path)
        numbers = sorted(found)
        missing = next((n for n in range(numbers[0], numbers[-1]) if n not in found), None)
        if missing is not None:
            raise InputError(f"picture {missing} of the sequence is missing", path=path)
        return [found[n] for n in numbers]
    files = [p for p in path.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith(".")]
    if not files:
        raise InputError("has no pictures", path=path)
    return sorted(files, key=lambda p: [int(x) if x.isdecimal() else x for x in re.split(r"(\d+)", p.name)])


def _split(name: str) -> tuple[str, str]:
    match = _NUMBER.search(name)
    assert match is not None
    return name[: match.start()], name[match.end() :]


class SequenceSource(LoneVideo):
    """Numbered pictures opened for reading; a `reader.Source`.

    Args:
      path: a folder or a pattern.
      rate: frames a second; 25 if None.
      start, duration: the part to take, s.
      strict: whether a picture of another kind than the first, of which something would be lost, is an error.

    Raises:
      InputError: there are no such pictures, or the first cannot be read.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate: Fraction | None = None,
        start: Fraction | None = None,
        duration: Fraction | None = None,
        strict: bool = False,
    ) -> None:
        self.path, self.report = path, SourceReport()
        self.metadata: dict[str, str] = {}
        self.whole = start is None and duration is None
        self._rate = rate or DEFAULT_RATE
        files = numbered(path)
        first = 0 if start is None else -(-start * self._rate // 1)
        stop = len(files) if duration is None else -(-((start or 0) + duration) * self._rate // 1)
        self.files = files[int(first) : int(stop)]
        if not self.files:
            raise InputError("has no frame in the part asked for", path=path)
        frame = planar(_read_picture(self.files[0]))
        self._constant = ConstantFormat(path, self.report, strict=strict)
        self._constant.take(frame, Fraction(0))
        self.format = self._constant.first
        self.info = VideoInfo(
            width=frame.width,
            height=frame.height,
            pix_fmt=frame.format.name,
            time_base=1 / self._rate,
            rate=self._rate,
            frames=len(self.files),
        )

    @property
    def shift(self) -> Fraction:
        return Fraction(0)

    @property
    def expected_frames(self) -> int | None:
        return len(self.files)

    def items(
        self, *, resume: Resume | None = None, video: bool = True, packets: bool = True
    ) -> Iterator[SourceFrame | av.Packet]:
        """Yields the pictures, one tick each (`reader.Source.items`)."""
        if not video:
            return
        for k in range(0 if resume is None else resume.pts, len(self.files)):
            frame = planar(_read_picture(self.files[k]))
            yield SourceFrame(self._constant.take(frame, k / self._rate), k, 1)

    def __enter__(self) -> SequenceSource:
        return self


def _read_picture(path: Path) -> av.VideoFrame:
    try:
        with av.open(url(path), options={"pattern_type": "none"}) as container:
            for frame in container.decode(video=0):
                return frame
    except (av.error.FFmpegError, IndexError) as error:
        raise DecodeError(f"cannot be read as a picture: {error}", path=path) from error
    raise DecodeError("holds no picture", path=path)


_CODECS = {
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".exr": "exr",
    ".bmp": "bmp",
    ".jpg": "mjpeg",
    ".jpeg": "mjpeg",
}


_DEFAULTS = {"mjpeg": {"qmin": "1", "qmax": "1"}, "exr": {"compression": "zip16", "format": "float"}}
"""Options of encoders that would otherwise lose more than they must."""


class SequenceSink:
    """Writes numbered pictures into a folder; a `sink.Sink`.

    Args:
      folder: to write to; it exists.
      pattern: name of a file, with a number as `%06d`.
      first: frame like all others.
      encoder: pixel format, None being the nearest RGB or gray one, and options of the pictures' encoder.
      start: first number.

    Raises:
      InputError: the pattern's suffix is of no kind of picture that can be written, or the encoder is to have what
        pictures do not know.
    """

    def __init__(
        self,
        folder: Path,
        pattern: str,
        first: av.VideoFrame,
        encoder: EncoderOptions | None = None,
        *,
        start: int = 1,
    ) -> None:
        encoder = encoder or EncoderOptions()
        self.folder, self.pattern, self.start = folder, pattern, start
        self.warnings: list[str] = []
        self.written = Written()
        suffix = Path(pattern).suffix.lower()
        if suffix not in _CODECS:
            raise InputError(f"pictures of kind {suffix!r} cannot be written", hint=f"use {', '.join(_CODECS)}")
        for flag, value in (("codec", encoder.codec), ("crf", encoder.crf), ("preset", encoder.preset)):
            if value is not None:
                raise InputError(
                    f"pictures have no --{flag}", hint="their suffix says how they are kept; see --encoder-option"
                )
        if encoder.container_options:
            raise InputError("pictures have no container, so --container-option does nothing")
        self._codec = _CODECS[suffix]
        self._asked = dict(encoder.options)
        self.pix_fmt = encoder.pix_fmt or picture_format(self._codec, first)

    def write(self, frame: av.VideoFrame, pts: int, duration: int, captions: bytes = b"") -> None:
        """Writes a frame as the next picture."""
        if captions and not self.warnings:
            self.warnings.append("closed captions are lost: pictures do not hold any")
        number = _NUMBER.sub(lambda match: match[0] % (self.start + self.written.frames), self.pattern, count=1)
        path = self.folder / number
        picture = frame if frame.format.name == self.pix_fmt else converted(frame, self.pix_fmt)
        encoder: Any = av.CodecContext.create(self._codec, "w")
        encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, self.pix_fmt
        encoder.time_base = Fraction(1, 25)
        encoder.options = _DEFAULTS.get(self._codec, {}) | self._asked
        picture.pts, picture.time_base, picture.pict_type = 0, Fraction(1, 25), 0
        try:
            packets = [*encoder.encode(picture), *encoder.encode(None)]
            unknown = self._asked.keys() & encoder.options.keys()
            if unknown:
                raise EncodeError(f"{self._codec} has no option {', '.join(sorted(unknown))}", path=Path(number))
            path.write_bytes(b"".join(bytes(packet) for packet in packets))
        except av.error.FFmpegError as error:
            raise EncodeError(f"cannot be encoded: {error.strerror}", path=Path(number)) from error
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror}", path=path) from error
        self.written.add(pts, duration)

    def copy(self, packet: av.Packet) -> None:
        """Pictures hold nothing else."""

    def finish(self) -> Written:
        """Tells what was written."""
        return self.written

    def __enter__(self) -> SequenceSink:
        return self

    def __exit__(self, *error: object) -> None:
        return


def picture_format(codec: str, frame: av.VideoFrame) -> str:
    """Returns the pixel format in which a picture of this codec holds a frame without loss, or the nearest."""
    name, components = frame.format.name, frame.format.components
    deep = components[0].bits > 8
    alpha = any(c.is_alpha for c in components)
    if codec == "mjpeg":
        return "yuvj444p" if not name.startswith("gray") else "gray"
    if codec == "exr":
        return "grayf32le" if name.startswith("gray") else "gbrapf32le" if alpha else "gbrpf32le"
    if name.startswith("gray"):
        return ("gray16le" if codec == "tiff" else "gray16be") if deep and codec != "bmp" else "gray"
    if codec == "bmp":
        return "bgra" if alpha else "bgr24"
    if deep:
        return ("rgba64" if alpha else "rgb48") + ("le" if codec == "tiff" else "be")
    return "rgba" if alpha else "rgb24"
