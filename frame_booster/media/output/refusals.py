"""What is said where the system refuses to write or rename an output: the reason, where the result is, what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from frame_booster import files
from frame_booster.errors import FrameBoosterError, Interrupted, OutputError, refused_by_system

_LONGEST_PATH = 248
"""Characters of the longest path of a folder on Windows; that of a file has twelve more."""
_TOO_LONG = "give a shorter one, or let Windows take longer ones: LongPathsEnabled in its registry"
_IN_USE = "a program that has it open, as a player, keeps it from being renamed or replaced"


def cannot_write(error: OSError, path: Path, what: str = "cannot be written") -> OutputError:
    """Returns the error for a path that the system does not let be written; of what is known, it says what to do.

    Args:
      error: of the system.
      path: as the user knows it, which may not be the hidden one that was written.
      what: cannot be done.
    """
    reason, hint = refused_by_system(error) or (error.strerror, None)
    if files.WINDOWS and isinstance(error, FileNotFoundError) and len(str(error.filename or "")) >= _LONGEST_PATH:
        # It says no more than that there is no such file.
        reason, hint = "the path is too long", _TOO_LONG
    return OutputError(f"{what}: {reason}", path=path, hint=hint)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Makes what the system refuses within it an error about a path that cannot be written.

    What reads other files, or calls a caller's own code, does not belong in it.

    Raises:
      OutputError: the system has refused something.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(error, path) from error


@contextmanager
def told_of(partial: Path, target: Path) -> Iterator[None]:
    """Makes an error of the system about a hidden path, or what lies in it, one about the output.

    All others go on as they are: they are about weights, a cache, or what the caller's own code does.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None or partial.name not in os.fsdecode(error.filename):
            raise
        raise cannot_write(error, target) from error


def refused(error: OSError, target: Path, kept: str) -> OutputError:
    """Returns the error for a result that is complete and does not get its name.

    Args:
      error: of the system.
      target: the name.
      kept: says where the result is.
    """
    known = cannot_write(error, target)
    # Windows says of an old file that a program has open no more than that access is denied.
    in_use = files.WINDOWS and isinstance(error, PermissionError)
    return OutputError(f"{known.message}; {kept}", path=target, hint=_IN_USE if in_use else known.hint)


def tell_of_rest(error: BaseException, partial: Path, target: Path) -> None:
    """Raises an error anew, with the partial file or folder that cannot be removed, as while FFmpeg has it open.

    Args:
      error: that ended the work; one that no user is to meet is not raised: of its file a later run tells.
      partial: what is left.
      target: the output.
    """
    text = f"{partial} is left, since it cannot be removed yet; delete it"
    if isinstance(error, FrameBoosterError):
        raise type(error)(f"{error.message}; {text}", path=error.path or target, hint=error.hint) from error
    if isinstance(error, KeyboardInterrupt):
        raise Interrupted(f"interrupted; {text}", path=target) from error
