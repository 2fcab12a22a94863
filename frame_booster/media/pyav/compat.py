"""What PyAV's versions have in different forms, or only one way to learn."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def set_display_matrix(stream: Any, matrix: bytes) -> bool:
    """Sets the rotation of an output's video stream; False where this PyAV cannot (before 18).

    Args:
      stream: of the output.
      matrix: nine numbers of 32 bits in native order, as FFmpeg's side data DISPLAYMATRIX has them.
    """
    if not hasattr(stream, "set_display_matrix"):
        return False
    stream.set_display_matrix(struct.unpack("9i", matrix))
    return True


def encodes_subtitles(context: Any) -> bool:
    """Tells whether this PyAV can encode subtitles with a codec context."""
    return hasattr(context, "encode_subtitle")


@contextmanager
def unused_options() -> Iterator[list[str]]:
    """Collects what PyAV says of options that nothing went by; it keeps no other account of them."""
    messages: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    log, handler = logging.getLogger("av.container.output"), Collect()
    log.addHandler(handler)
    try:
        yield messages
    finally:
        log.removeHandler(handler)
