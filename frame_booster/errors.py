"""The errors that a person can meet, each with the exit code of the command."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class FrameBoosterError(Exception):
    """Base of all errors this package raises on purpose.

    Args:
      message: what is wrong, without a full stop.
      path: the file it is about.
      hint: what to do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, path: Path | str | None = None, hint: str | None = None) -> None:
        self.message, self.path, self.hint = message, path, hint
        text = message if path is None else f"{path}: {message}"
        super().__init__(text if hint is None else f"{text} ({hint})")


class InputError(FrameBoosterError):
    """The input, or an option, is not usable: missing, empty, no video, out of range."""

    exit_code = 2


class DecodeError(FrameBoosterError):
    """The input is a video, but its frames cannot be decoded to the end."""

    exit_code = 3


class ModelError(FrameBoosterError):
    """The network, its weights or its device is not usable."""

    exit_code = 4


class EncodeError(FrameBoosterError):
    """The encoder or the container refuses what it was asked for."""

    exit_code = 5


class OutputError(FrameBoosterError):
    """The output cannot be written, or what was written is not what it must be."""

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
            hint="this is a fault of frame-booster; FRAME_BOOSTER_TRACEBACK=1 shows where",
        )


class Interrupted(FrameBoosterError):
    """The user, or the system, asked the run to stop."""

    exit_code = 130
