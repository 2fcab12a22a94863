"""Standard input, output and error that a program was started without, as by `2>&-`: they are opened on nothing.

Else the first file of a run would get the number of one of them, and what is written there: a warning in a video.
"""

from __future__ import annotations

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


def was_closed(number: int) -> bool:
    """Tells whether the program was started without standard input (0), output (1) or error (2)."""
    return number in _closed
