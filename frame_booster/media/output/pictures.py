"""Output as a sequence of numbered images."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from frame_booster.errors import EncodeError, InputError, OutputError
from frame_booster.media.frames.display import is_turned
from frame_booster.media.frames.planes import converted
from frame_booster.media.frames.side_data import has_profile
from frame_booster.media.output.sink import Written
from frame_booster.media.passthrough.capabilities import keeps_rotation, lost_profile
from frame_booster.media.paths import numbered_name
from frame_booster.options import EncoderOptions

CODECS = {
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".exr": "exr",
    ".bmp": "bmp",
    ".jpg": "mjpeg",
    ".jpeg": "mjpeg",
}
"""Encoders of images, by suffix."""


_CAPTIONS = "closed captions are lost: images do not store them"
_DEFAULTS = {"mjpeg": {"qmin": "1", "qmax": "1"}, "exr": {"compression": "zip16", "format": "float"}}
"""Options of encoders whose defaults lose more than necessary."""


class SequenceSink:
    """Writes numbered images into a folder; a `sink.Sink`.

    Args:
      folder: an existing folder.
      pattern: file name with a pattern such as `%06d` for the number.
      first: the first frame, which has the format of all frames.
      encoder: pixel format (None is the nearest RGB or gray one) and options of the image encoder.
      start: the first number.

    Raises:
      InputError: images with the pattern's suffix cannot be written, or an option does not apply to images.
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
        self.pix_fmt = check_pictures(pattern, first, encoder)
        self._codec = CODECS[Path(pattern).suffix.lower()]
        if is_turned(first) and not keeps_rotation("image2", self._codec):
            self.warnings.append(
                f"the rotation is lost: {self._codec} does not store it, so the images are on their side"
            )
        if has_profile(first) and (text := lost_profile(self._codec, self._codec)) is not None:
            self.warnings.append(text)
        self._asked = dict(encoder.options)

    def write(self, frame: av.VideoFrame, pts: int, duration: int, captions: bytes = b"") -> None:
        """Writes a frame as the next image.

        Raises:
          EncodeError: the frame cannot be encoded, or the encoder does not have an option.
          OutputError: the file cannot be written.
        """
        if captions and _CAPTIONS not in self.warnings:
            self.warnings.append(_CAPTIONS)
        number = numbered_name(self.pattern, self.start + self.written.frames)
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
        """Ignores a packet of another stream, which images cannot hold."""

    def finish(self) -> Written:
        """Returns what was written."""
        return self.written

    def __enter__(self) -> SequenceSink:
        return self

    def __exit__(self, *error: object) -> None:
        return


def check_pictures(pattern: str, first: av.VideoFrame, encoder: EncoderOptions) -> str:
    """Checks the options of images and returns their pixel format; raises InputError as `SequenceSink` does."""
    suffix = Path(pattern).suffix.lower()
    if suffix not in CODECS:
        raise InputError(f"images with the suffix {suffix!r} cannot be written", hint=f"use {', '.join(CODECS)}")
    for flag, value in (("codec", encoder.codec), ("crf", encoder.crf), ("preset", encoder.preset)):
        if value is not None:
            raise InputError(
                f"--{flag} does not apply to images", hint="the suffix chooses their format; see --encoder-option"
            )
    if encoder.container_options:
        raise InputError("--container-option does not apply to images", hint="remove it")
    return encoder.pix_fmt or picture_format(CODECS[suffix], first)


def picture_format(codec: str, frame: av.VideoFrame) -> str:
    """Returns the pixel format of a codec that holds a frame without loss, or the nearest."""
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
