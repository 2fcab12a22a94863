"""Standard input, output and error as the program needs them: open, and such that any name can be written.

Where it was started without one, as by `2>&-`, the first file of a run would get its number, and what is written there:
a warning in a video. And a file or pipe of Windows takes the characters of one language, where names are of any.
"""

from __future__ import annotations

import io
import os
import sys

_NAMES = ("stdin", "stdout", "stderr")
_closed: set[int] = set()


def open_what_is_closed() -> None:
    """Opens the null device under each of the three numbers that has no file; Python's streams are those, then."""
    for number, name in enumerate(_NAMES):
        if getattr(sys, name) is not None:
            continue
        _closed.add(number)
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)
        setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def let_any_name_through() -> None:
    """Makes standard output write what its encoding lacks as `\\u65e5`, as Python has standard error do by itself."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def was_closed(number: int) -> bool:
    """Tells whether the program was started without standard input (0), output (1) or error (2)."""
    return number in _closed
