"""Standard error that outlives its reader: a run is not lost because its messages are not read any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO


@contextmanager
def lasting_stderr() -> Iterator[None]:
    """Drops what standard error no longer takes: of a closed pipe or terminal, or a file on a full disk."""
    before = sys.stderr
    if before is not None:
        sys.stderr = _Lasting(before)
    try:
        yield
    finally:
        sys.stderr = before


class _Lasting:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._dropped():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._dropped():
            self._stream.flush()

    @contextmanager
    def _dropped(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # What is left in its buffer has somewhere to go, or Python would end with an error of its own.
            with suppress(OSError), Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
