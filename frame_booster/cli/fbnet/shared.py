"""Shared parts of the commands of `fbnet`: types of arguments, and checks that run before heavy imports."""

from __future__ import annotations

from pathlib import Path

import click

from frame_booster.errors import InputError, OutputError, not_writable

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


def need_training_packages() -> None:
    """Raises InputError if the extra `train` is not installed."""
    try:
        import cv2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise InputError(f"{error.name} is not installed", hint='pip install "frame-booster[train]"') from error


def check_writable(*paths: Path | None) -> None:
    """Checks before hours of work that files can be written; None stands for no file.

    Raises:
      OutputError: a folder is missing, or may not be written to.
    """
    for path in paths:
        if path is None:
            continue
        folder = path.absolute().parent
        if not folder.is_dir():
            raise OutputError("cannot be written: no such folder", path=path, hint="make it first")
        if reason := not_writable(path if path.exists() else folder):
            raise OutputError(f"cannot be written: {reason[0]}", path=path, hint=reason[1])


def import_tensorflow() -> None:
    """Imports TensorFlow without its messages and with XLA's settings; must run before any other import of
    TensorFlow."""
    from frame_booster.engine.device import tensorflow
    from frame_booster.engine.xla_cache import keep_compilations

    keep_compilations(wanted=True)
    tensorflow()


def size_of(text: str | None) -> tuple[int, int] | None:
    """Converts "WIDTHxHEIGHT" to (width, height); None stays None.

    Raises:
      InputError: the text has another form.
    """
    if text is None:
        return None
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise InputError(f"size {text!r} is not WIDTHxHEIGHT")
    return int(width), int(height)
