"""Ctrl-C while a program's modules are imported: an exit code and one line, as later, instead of a traceback.

Nothing is begun then that would have to be cleared up.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_INTERRUPTED = 130
"""The exit code of `errors.Interrupted`, which is not imported yet."""


@contextmanager
def ended_at_once(program: str) -> Iterator[None]:
    """Ends the process at an interruption, where Python would raise KeyboardInterrupt in the midst of an import.

    Args:
      program: the name that the line begins with.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        try:
            os.write(2, f"{program}: interrupted\n".encode())
        finally:
            os._exit(_INTERRUPTED)

    alone = threading.current_thread() is threading.main_thread()
    if not alone or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        # Ignored, as in the background of a shell, or another program's.
        yield
        return
    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
