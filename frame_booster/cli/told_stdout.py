"""Standard output whose failure is an error of the run: a result that is lost must not look like success.

Python itself would end with a traceback, or in silence, depending on what fails.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, TextIO

from frame_booster.broken_pipe import is_gone
from frame_booster.cli.standard_files import was_closed
from frame_booster.errors import OutputError


class ReaderGoneError(OutputError):
    """The program that reads standard output has ended, as `head` does when it has its lines."""


@contextmanager
def told_stdout() -> Iterator[None]:
    """Makes each failure to write to standard output an OutputError."""
    before = sys.stdout
    sys.stdout = _Told(before)
    try:
        yield
    finally:
        sys.stdout = before


def check_open() -> None:
    """Raises OutputError where the program was started without a standard output."""
    if was_closed(1):
        raise OutputError("standard output is closed", hint="start without >&-, or write to a file with -o")


class _Told:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if text == "":
            # As click asks what kind of stream this is; an error would be taken for an answer.
            return 0
        check_open()
        try:
            return self._stream.write(text)
        except OSError as error:
            self._failed(error)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> NoReturn:
        # What is left in its buffer has somewhere to go, or Python would end with an error of its own.
        with suppress(OSError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())
        if is_gone(error):
            raise ReaderGoneError("the reader of standard output has closed it (broken pipe)") from error
        raise OutputError(
            f"standard output cannot be written: {error.strerror}", hint="check where it is redirected to"
        ) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
