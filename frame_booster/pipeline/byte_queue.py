"""A queue between two threads that is limited in bytes and can be broken off."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from frame_booster.pipeline.stage_times import Stopwatch

Item = TypeVar("Item")


MOST_ITEMS = 512


class Broken(Exception):
    """The queue was broken off, because another thread has failed."""


class ByteQueue(Generic[Item]):
    """Passes items from one thread to another.

    Args:
      limit: most bytes in the queue; an empty queue accepts an item of any size.
      most: most items in the queue, since small items have an overhead beyond their bytes.
      full: measures how long the producer waits because the queue is full.
      empty: measures how long the consumer waits because the queue is empty.
    """

    def __init__(
        self, limit: int, most: int = MOST_ITEMS, full: Stopwatch | None = None, empty: Stopwatch | None = None
    ) -> None:
        self._full, self._empty = full or Stopwatch(), empty or Stopwatch()
        self._limit, self._held, self._most = limit, 0, most
        self._items: deque[tuple[Item, int]] = deque()
        self._changed = threading.Condition()
        self._closed = self._broken = False

    def put(self, item: Item, size: int) -> None:
        """Adds an item of `size` bytes; waits while the queue is full.

        Raises:
          Broken: the queue was broken off.
        """
        with self._changed:
            with self._full:
                self._changed.wait_for(lambda: self._broken or not self._items or self._takes(size))
            if self._broken:
                raise Broken
            self._items.append((item, size))
            self._held += size
            self._changed.notify_all()

    def _takes(self, size: int) -> bool:
        return self._held + size <= self._limit and len(self._items) < self._most

    def close(self) -> None:
        """Ends the queue after the items in it; called by the producer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def break_off(self) -> None:
        """Ends the queue at once and drops its items; called after a failure, or by a consumer that needs no more."""
        with self._changed:
            self._broken = True
            self._items.clear()
            self._changed.notify_all()

    @property
    def broken(self) -> bool:
        """Whether the queue was broken off."""
        return self._broken

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._changed:
                with self._empty:
                    self._changed.wait_for(lambda: bool(self._items) or self._closed or self._broken)
                if self._broken:
                    return
                if not self._items:
                    return
                item, size = self._items.popleft()
                self._held -= size
                self._changed.notify_all()
            yield item
