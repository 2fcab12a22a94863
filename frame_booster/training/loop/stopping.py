"""Early ends of a run: by a signal, or because too many steps in a row were skipped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from frame_booster.errors import InputError

STOPPED_BY = ("SIGINT", "SIGTERM", "SIGBREAK")
"""Signals on which a run saves and ends, as far as the system has them."""


@contextmanager
def told_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """A context in which a signal of `STOPPED_BY` calls a function instead of raising an exception."""

    def handle(_number: int, _frame: Any) -> None:
        stop()

    numbers = [getattr(signal, name) for name in STOPPED_BY if hasattr(signal, name)]
    earlier = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class SkippedSteps:
    """Counts consecutive steps that were skipped because their loss or a gradient was not finite."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, steps: int, skipped: int, most: int) -> None:
        """Adds some steps.

        Args:
          steps: number of steps.
          skipped: number of skipped steps among them.
          most: number of consecutive skipped steps at which the run ends.

        Raises:
          InputError: that number is reached.
        """
        self._count = self._count + steps if skipped >= steps else 0
        if self._count >= most:
            raise InputError(
                f"the loss or a gradient was not finite in each of the last {self._count} steps",
                hint="use a smaller learning_rate, or start from weights that are not damaged",
            )
