"""Where the result of an input goes: the file, pipe or sequence of pictures that an output's name stands for."""

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
    """Where the result of an input goes."""

    path: Path
    """A file, a pipe, or a folder or pattern of pictures."""
    pictures: bool = False
    named: bool = True
    """Whether the user has named it, and so its container."""
    folder: Path | None = None
    """Of the results, to be made if it is not there; None where none was asked for."""


def destination(path: Path, output: str | None, options: BoostOptions) -> Destination:
    """Returns where the result of an input goes.

    A folder takes a video under a name that is made from the input's, `NAME.2x.EXT`. It takes pictures where the input
    is pictures, or where `--output-format` names a kind of picture; a pattern always takes pictures.

    Raises:
      InputError: it is to go into a folder, and the input is a pipe, which has no name.
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
            "the result of a pipe has no name in a folder",
            path=target,
            hint="name a file in it; or a pattern, as %05d.png, for pictures",
        )
    return Destination(target / default_output(path, options.multiple).name, named=False, folder=target)


def _check_kind(pattern: Path, output_format: str | None) -> None:
    """Raises InputError where a pattern of pictures and an output format say two things."""
    if output_format is None:
        return
    asked = CODECS.get(picture_suffix(output_format) or "")
    if asked is None or asked != CODECS.get(pattern.suffix.lower()):
        hint = "leave --output-format out, or give the pattern its suffix"
        raise InputError(
            f"the pattern is of another kind than --output-format {output_format}", path=pattern, hint=hint
        )


def is_folder(output: str) -> bool:
    """Tells whether the name of an output stands for a folder: it ends with a slash, or is one."""
    return output.endswith(("/", os.sep)) or Path(output).is_dir()


def picture_pattern(target: Path, options: BoostOptions) -> str:
    """Returns the names of pictures that go to a folder or have a pattern."""
    if is_pattern(target):
        return target.name
    suffix = picture_suffix(options.output_format)
    return DEFAULT_PATTERN if suffix is None else str(Path(DEFAULT_PATTERN).with_suffix(suffix))


def picture_encoder(target: Path, options: BoostOptions) -> str:
    """Returns FFmpeg's name of the encoder of such pictures; "png" where their kind cannot be written."""
    return CODECS.get(Path(picture_pattern(target, options)).suffix.lower(), "png")


def picture_suffix(output_format: str | None) -> str | None:
    """Returns the suffix of the pictures that an output format stands for, as `.png`; None where it is a container."""
    suffix = f".{output_format}"
    return suffix if suffix in PICTURES and output_format not in CONTAINERS else None
