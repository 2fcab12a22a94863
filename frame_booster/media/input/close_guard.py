"""Prevents closing a container while another thread is demuxing it, which would be a use after free in FFmpeg."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
PATIENCE_S = 0.5
"""How long closing waits for a read; one that waits for a silent pipe is left to the end of the process."""


class CloseGuard:
    """A lock between reading from a container and closing it."""

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
        """Closes when no read is in progress; gives up after `PATIENCE_S`."""
        if not self._busy.acquire(timeout=PATIENCE_S):
            return
        try:
            self._closed = True
            close()
        finally:
            self._busy.release()
