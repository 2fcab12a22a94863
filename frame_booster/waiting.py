"""Waiting for work in other threads and processes in a way that Ctrl-C ends.

On Windows no signal interrupts a wait for a lock before Python 3.14, so a wait without a timeout lasts until the work
has ended.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ALL_COMPLETED, Future, wait
from typing import TypeVar

LOOK_S = 0.2
"""How often a wait ends and begins anew; signals arrive in between."""
_T = TypeVar("_T")


def wait_for(futures: Collection[Future[_T]], until: str = ALL_COMPLETED) -> tuple[set[Future[_T]], set[Future[_T]]]:
    """Waits; returns what has ended, and the rest.

    Args:
      futures: of any pool.
      until: FIRST_COMPLETED or ALL_COMPLETED of `concurrent.futures`.
    """
    while True:
        ended, rest = wait(futures, timeout=LOOK_S, return_when=until)
        if not rest or (ended and until != ALL_COMPLETED):
            return ended, rest
