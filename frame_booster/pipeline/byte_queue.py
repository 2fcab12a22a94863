"""A queue between two threads, bounded in bytes, that either end can break off."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from frame_booster.pipeline.stage_times import Stopwatch

Item = TypeVar("Item")


MOST_ITEMS = 512


class Broken(Exception):
    """The other end has given up."""


class ByteQueue(Generic[Item]):
    """Hands items from one thread to another.

    Args:
      limit: bytes it may hold; one item is taken whatever its size.
      most: items it may hold: small ones have more about them than their bytes.
      full: measures how long the giver waits because it is full.
      empty: measures how long the receiver waits because it is empty.
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
        """Adds an item of `size` bytes; waits while the channel is full.

        Raises:
          Broken: the receiver has given up.
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
        """Says that nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def break_off(self) -> None:
        """Says that nothing more will be taken; what is held is dropped."""
        with self._changed:
            self._broken = True
            self._items.clear()
            self._changed.notify_all()

    @property
    def broken(self) -> bool:
        """Whether either end has given up."""
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
