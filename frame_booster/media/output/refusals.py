"""Errors for outputs that the system refuses to write or rename: the reason, where the result is, and what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from frame_booster import files
from frame_booster.errors import FrameBoosterError, Interrupted, OutputError, refused_by_system

_LONGEST_PATH = 248
"""Longest path of a folder on Windows, in characters; a file may have twelve more."""
_TOO_LONG = "use a shorter one, or set LongPathsEnabled in the registry of Windows"
_IN_USE = "it cannot be replaced while a program, such as a player, has it open"


def cannot_write(error: OSError, path: Path, what: str = "cannot be written") -> OutputError:
    """Returns the error for a path that cannot be written, with a hint for known causes.

    Args:
      error: error of the system.
      path: path as the user knows it, which may differ from the hidden one that was written.
      what: start of the message.
    """
    reason, hint = refused_by_system(error) or (error.strerror, None)
    if files.WINDOWS and isinstance(error, FileNotFoundError) and len(str(error.filename or "")) >= _LONGEST_PATH:
        # Windows only reports that there is no such file.
        reason, hint = "the path is too long", _TOO_LONG
    return OutputError(f"{what}: {reason}", path=path, hint=hint)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Context that converts any OSError to an error about a path that cannot be written.

    It must not contain code that reads other files or calls the caller's code.

    Raises:
      OutputError: the body has raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(error, path) from error


@contextmanager
def told_of(partial: Path, target: Path) -> Iterator[None]:
    """Context that converts an OSError about a hidden path, or a file in it, to an error about the output.

    Other errors pass unchanged: they are about weights, a cache or the caller's code.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None or partial.name not in os.fsdecode(error.filename):
            raise
        raise cannot_write(error, target) from error


def refused(error: OSError, target: Path, kept: str) -> OutputError:
    """Returns the error for a complete result that cannot be renamed to its final name.

    Args:
      error: error of the system.
      target: the final name.
      kept: text that says where the result is.
    """
    known = cannot_write(error, target)
    # If a program has the old file open, Windows only reports that access is denied.
    in_use = files.WINDOWS and isinstance(error, PermissionError)
    return OutputError(f"{known.message}; {kept}", path=target, hint=_IN_USE if in_use else known.hint)


def tell_of_rest(error: BaseException, partial: Path, target: Path) -> None:
    """Raises an error again, extended by the path of a partial file or folder that cannot be removed.

    It cannot be removed on Windows while FFmpeg has it open, for example.

    Args:
      error: error that ended the work. Unexpected errors are not raised here; a later run reports their files.
      partial: the remaining file or folder.
      target: the output.
    """
    text = f"{partial} could not be removed; delete it"
    if isinstance(error, FrameBoosterError):
        raise type(error)(f"{error.message}; {text}", path=error.path or target, hint=error.hint) from error
    if isinstance(error, KeyboardInterrupt):
        raise Interrupted(f"interrupted; {text}", path=target) from error
