"""The destination of a result: the file, pipe or sequence of images that the name of an output stands for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from frame_booster.errors import InputError
from frame_booster.media.output.pictures import CODECS
from frame_booster.media.output.sink import CONTAINERS
from frame_booster.media.paths import (
    DEFAULT_PATTERN,
    PICTURES,
    default_output,
    is_pattern,
    is_picture_folder,
    is_pipe,
    output_path,
)
from frame_booster.options import BoostOptions


@dataclass(frozen=True)
class Destination:
    """The destination of the result of an input."""

    path: Path
    """A file, a pipe, or a folder or pattern of images."""
    pictures: bool = False
    named: bool = True
    """Whether the user has given the name, and so the container."""
    folder: Path | None = None
    """Folder given by the user for the result, created if it does not exist; None if the user gave none."""


def destination(path: Path, output: str | None, options: BoostOptions) -> Destination:
    """Returns the destination of the result of an input.

    In a folder, a video gets a name derived from that of the input, `NAME.2x.EXT`. The folder gets images if the input
    is images, or if `--output-format` is an image format. A pattern always stands for images.

    Args:
      path: path of the input.
      output: output as given by the user, or None.
      options: options of the run.

    Raises:
      InputError: the output is a folder and the input is a pipe, which has no name; or a pattern of images contradicts
        `--output-format`.
    """
    pictures = picture_suffix(options.output_format) is not None
    if output is None:
        own = default_output(path, options.multiple)
        return Destination(own.with_suffix("") if pictures else own, pictures=pictures, named=False)
    target = output_path(output)
    if is_pipe(target):
        return Destination(target)
    if is_pattern(target):
        _check_kind(target, options.output_format)
        return Destination(target, pictures=True)
    if pictures or (is_folder(output) and (is_pattern(path) or is_picture_folder(path))):
        return Destination(target, pictures=True)
    if not is_folder(output):
        return Destination(target)
    if is_pipe(path):
        raise InputError(
            "a result of standard input has no name in this folder",
            path=target,
            hint="give the name of a file in it, or a pattern such as %05d.png for images",
        )
    return Destination(target / default_output(path, options.multiple).name, named=False, folder=target)


def _check_kind(pattern: Path, output_format: str | None) -> None:
    """Raises InputError if the suffix of a pattern of images contradicts an output format."""
    if output_format is None:
        return
    asked = CODECS.get(picture_suffix(output_format) or "")
    if asked is None or asked != CODECS.get(pattern.suffix.lower()):
        hint = "remove --output-format, or use its suffix in the pattern"
        raise InputError(
            f"the suffix of the pattern contradicts --output-format {output_format}", path=pattern, hint=hint
        )


def is_folder(output: str) -> bool:
    """Returns whether an output is a folder: its name ends with a slash, or the folder exists."""
    return output.endswith(("/", os.sep)) or Path(output).is_dir()


def picture_pattern(target: Path, options: BoostOptions) -> str:
    """Returns the pattern for the file names of images, for a target that is a folder or a pattern."""
    if is_pattern(target):
        return target.name
    suffix = picture_suffix(options.output_format)
    return DEFAULT_PATTERN if suffix is None else str(Path(DEFAULT_PATTERN).with_suffix(suffix))


def picture_encoder(target: Path, options: BoostOptions) -> str:
    """Returns FFmpeg's name of the encoder for the images of a target; "png" if their format cannot be written."""
    return CODECS.get(Path(picture_pattern(target, options)).suffix.lower(), "png")


def picture_suffix(output_format: str | None) -> str | None:
    """Returns the suffix of images in an output format, such as `.png`; None if the format is a container."""
    suffix = f".{output_format}"
    return suffix if suffix in PICTURES and output_format not in CONTAINERS else None
