"""What is to be done at the end of the process, also where it ends at once, without waiting for its threads.

`os._exit` runs nothing that `atexit` was given; a run that is interrupted while a network computes ends by it.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

_actions: list[Callable[[], None]] = []


def at_process_end(action: Callable[[], None]) -> None:
    """Has something done at the end of the process, whichever of the two it is; it must do nothing the second time."""
    _actions.append(action)
    atexit.register(action)


def end_at_once(code: int) -> NoReturn:
    """Ends the process with an exit code when all that is to be done is done, whatever its threads are at."""
    try:
        for action in reversed(_actions):
            # What one of them fails at, or is interrupted at, is no reason to leave out another.
            with suppress(Exception):
                action()
    finally:
        os._exit(code)
