"""Keeping a container open while another thread is inside it: FFmpeg would go on in memory that is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
PATIENCE_S = 0.5
"""How long closing waits for a read; one that waits for a silent pipe is left to the end of the process."""


class CloseGuard:
    """Lets either a read or the closing go on, never both."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._closed = False

    def reading(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yields the items, until `close` is called."""
        while True:
            with self._busy:
                item = None if self._closed else next(items, None)
            if item is None:
                return
            yield item

    def close(self, close: Callable[[], None]) -> None:
        """Closes once nobody reads, or not at all."""
        if not self._busy.acquire(timeout=PATIENCE_S):
            return
        try:
            self._closed = True
            close()
        finally:
            self._busy.release()
