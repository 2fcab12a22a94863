"""What ends a run before its last step: a signal, which is waited for, and steps that teach nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from frame_booster.errors import InputError

STOPPED_BY = ("SIGINT", "SIGTERM", "SIGBREAK")
"""Signals at which a run saves and ends, where the system has them."""


@contextmanager
def told_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Within it, a signal of `STOPPED_BY` calls a function, and raises nothing."""

    def told(_number: int, _frame: Any) -> None:
        stop()

    numbers = [getattr(signal, name) for name in STOPPED_BY if hasattr(signal, name)]
    earlier = {number: signal.signal(number, told) for number in numbers}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class SkippedSteps:
    """Counts the steps in a row that were skipped because their loss or a gradient was not a number."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, steps: int, skipped: int, most: int) -> None:
        """Adds some steps.

        Args:
          steps: how many.
          skipped: how many of them were skipped.
          most: in a row, so many are too many.

        Raises:
          InputError: there were.
        """
        self._count = self._count + steps if skipped >= steps else 0
        if self._count >= most:
            raise InputError(
                f"none of the last {self._count} steps had a loss that is a number",
                hint="a smaller learning_rate, or weights to start from that are sound",
            )
