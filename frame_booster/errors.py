"""The errors that a person can meet, each with the exit code of the command."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import ClassVar

_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160))}
"""How characters that would break a line, or that a terminal obeys, are shown: names of files may have them."""


def printable(text: object) -> str:
    """Returns a text, or a path, as one line that a terminal shows and does not obey."""
    return str(text).translate(_CONTROLS)


def _in_one_line(text: str) -> str:
    """Returns a text without breaks of lines: engines explain themselves over several."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


class FrameBoosterError(Exception):
    """Base of all errors this package raises on purpose.

    Args:
      message: what is wrong, without a full stop.
      path: the file it is about.
      hint: what to do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, path: Path | str | None = None, hint: str | None = None) -> None:
        self.message, self.path, self.hint = _in_one_line(message), path, hint
        text = self.message if path is None else f"{path}: {self.message}"
        super().__init__(printable(text if hint is None else f"{text} ({hint})"))


class InputError(FrameBoosterError):
    """The input, or an option, is not usable: missing, empty, no video, out of range."""

    exit_code = 2


class DecodeError(FrameBoosterError):
    """The input is a video, but its frames cannot be decoded to the end."""

    exit_code = 3


class ModelError(FrameBoosterError):
    """The network, its weights or its device is not usable, or memory is used up."""

    exit_code = 4


class EncodeError(FrameBoosterError):
    """The encoder or the container refuses what it was asked for."""

    exit_code = 5


class OutputError(FrameBoosterError):
    """The output, or another file, cannot be written, or what was written is not what it must be."""

    exit_code = 6


class UnexpectedError(FrameBoosterError):
    """An exception of another kind than these: a fault of the program, not of its input."""

    exit_code = 1

    @classmethod
    def of(cls, error: BaseException, path: Path | str | None = None) -> UnexpectedError:
        """Returns the error for an exception of any other kind."""
        return cls(
            f"failed unexpectedly: {type(error).__name__}: {error}",
            path=path,
            hint="this is a bug in frame-booster; report it with the traceback that FRAME_BOOSTER_TRACEBACK=1 shows",
        )


class Interrupted(FrameBoosterError):
    """The user, or the system, asked the run to stop."""

    exit_code = 130


_ROOM = "free some space, or write to another disk"
_FEWER = "use fewer --jobs, or raise the limit (ulimit -n)"
_PERMISSIONS = "change the permissions, or choose another place"
_NO_THREAD = "can't start new thread"
"""What Python says where the system refuses a thread."""
_THREADS = "use fewer --threads or --jobs, or raise the limit (ulimit -u and -v, --pids-limit of a container)"
_NOT_MAPPED = "failed to map segment"
"""What the loader of Linux says where a library may not be mapped, or there is no room to."""
_MAPPING = "if its disk is mounted noexec, install on another disk; if memory is limited by ulimit -v, raise the limit"
_BROKEN = "reinstall frame-booster in a new virtual environment; FRAME_BOOSTER_TRACEBACK=1 shows the traceback"
_OPEN_ELSEWHERE = (32, 33)
"""Windows' ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION, whose `errno` is that of a want of permission."""
_OF_THE_SYSTEM = {
    "ENOSPC": ("the disk is full", _ROOM),
    "EDQUOT": ("the disk quota is used up", _ROOM),
    "EFBIG": ("the file is larger than this file system allows", "write to a disk with another file system"),
    "EROFS": ("the file system is read-only", "write to another disk"),
    "EIO": ("the disk reports an input/output error", "check the disk, or use another one"),
    "EMFILE": ("too many files are open", _FEWER),
    "ENFILE": ("too many files are open on this machine", _FEWER),
    "EACCES": ("permission denied", _PERMISSIONS),
    "EPERM": ("the system does not allow it", _PERMISSIONS),
    "ENOENT": ("no such file or folder", "it may have been moved or deleted while it was in use"),
    "ENOTDIR": ("a part of its path is a file, not a folder", "choose another path"),
    "EISDIR": ("is a folder", "give the name of a file"),
    "ELOOP": ("its symbolic links form a loop", "give the path of the real file"),
    "ESTALE": (
        "the file has disappeared from the network disk",
        "mount the disk again, and run the same command again",
    ),
    "ENOTCONN": ("the network disk is not connected", "mount it again, and run the same command again"),
    "ETIMEDOUT": ("the network disk does not respond", "run the same command again when it does"),
}
"""What the system refuses, which is no fault of this program, by the name of its `errno`; and what to do."""


def as_known(error: BaseException, path: Path | str | None = None) -> FrameBoosterError:
    """Returns the error of this package for an exception of any kind.

    Args:
      error: the exception.
      path: what it is about, where the exception does not say.
    """
    if isinstance(error, FrameBoosterError):
        return error
    if isinstance(error, MemoryError):
        return ModelError("out of memory", path=path, hint="close other programs, or use --max-memory")
    if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
        return ModelError("the system does not allow more threads", path=path, hint=_THREADS)
    if isinstance(error, ImportError):
        return _not_imported(error)
    if isinstance(error, OSError) and error.errno is not None:
        name = errno.errorcode.get(error.errno, "")
        if name == "ENOENT" and error.filename is None and _current_folder_is_gone():
            return InputError(
                "the current folder no longer exists", hint="change to another folder, then run the command again"
            )
        told = refused_by_system(error)
        if told is not None:
            return OutputError(told[0], path=error.filename or path, hint=told[1])
    return UnexpectedError.of(error, path)


def _not_imported(error: ImportError) -> FrameBoosterError:
    """Returns the error for a package that cannot be imported, whose own words can be a page around those of Python."""
    while isinstance(inner := error.__cause__ or error.__context__, ImportError):
        error = inner
    if _NOT_MAPPED in str(error):
        return ModelError(f"a library cannot be loaded: {error}", hint=_MAPPING)
    return UnexpectedError(f"a package cannot be imported: {error}", hint=_BROKEN)


def refused_by_system(error: OSError) -> tuple[str, str] | None:
    """Returns what the system has refused, and what to do about it; None where it is not known."""
    if getattr(error, "winerror", None) in _OPEN_ELSEWHERE:
        return "another program has it open", "close it there, and run the same command again"
    return _OF_THE_SYSTEM.get(errno.errorcode.get(error.errno or 0, ""))


def not_writable(place: Path) -> tuple[str, str] | None:
    """Returns why a file or folder that is there may not be written to, and what to do; None where it may."""
    if os.access(place, os.W_OK):
        return None
    read_only = hasattr(os, "statvfs") and os.statvfs(place).f_flag & os.ST_RDONLY
    return _OF_THE_SYSTEM["EROFS" if read_only else "EACCES"]


def _current_folder_is_gone() -> bool:
    """Tells whether the folder that relative paths begin in has been removed since the program's shell went there."""
    try:
        os.getcwd()  # noqa: PTH109  (its error is asked for)
    except OSError:
        return True
    return False
