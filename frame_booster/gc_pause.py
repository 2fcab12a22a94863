"""Pauses Python's cyclic garbage collector while TensorFlow is imported and graphs are traced."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Within it, Python does not look for cycles of unused objects.

    Importing TensorFlow and tracing make objects by the hundred thousand, all of which stay; looking through all of
    them again and again is a sixth of the time to the first frame.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
