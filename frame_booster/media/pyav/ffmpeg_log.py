"""Facts that PyAV does not expose, parsed from FFmpeg's log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import av.logging


def logged(action: Callable[[], object]) -> str:
    """Runs an action and returns what FFmpeg logged meanwhile, at the level of information."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        with av.logging.Capture() as logs:
            said = action()
    finally:
        av.logging.set_level(level)
    return "".join(message for _, _, message in logs) + (said if isinstance(said, str) else "")


@contextmanager
def errors_logged() -> Iterator[list[str]]:
    """Collects what FFmpeg calls an error in this thread: PyAV's exceptions tell a number only."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    messages: list[str] = []
    try:
        with av.logging.Capture() as logs:
            try:
                yield messages
            finally:
                messages += [" ".join(text.split()) for _, _, text in logs if text.strip()]
    finally:
        av.logging.set_level(level)


class Cropping(NamedTuple):
    """Rows and columns that a container takes off what is decoded, px."""

    top: int
    bottom: int
    left: int
    right: int


_CROPPING = re.compile(r"frame cropping: (\d+)/(\d+)/(\d+)/(\d+)", re.IGNORECASE)


def container_cropping(container: Any, index: int) -> Cropping | None:
    """Returns how a stream's container (an MP4's `clap`, Matroska's PixelCrop) crops it; None if it does not.

    A cropping in the bitstream itself is the decoder's business and not told here.
    """
    for part in logged(container.dumps_format).split("Stream #")[1:]:
        if re.match(rf"\d+:{index}\b", part) and (found := _CROPPING.search(part)):
            left, right, top, bottom = map(int, found.groups())
            cropping = Cropping(top, bottom, left, right)
            return cropping if any(cropping) else None
    return None
