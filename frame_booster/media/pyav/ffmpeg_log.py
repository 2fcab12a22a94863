"""Facts that PyAV does not expose, parsed from FFmpeg's log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple

import av.logging

# While one thread collects, messages of others reach Python too, which prints them where no logging is set up.
logging.getLogger("libav").addHandler(logging.NullHandler())


class _Level:
    """The level of PyAV's log: one for the whole process, so the finest that any thread asks for.

    PyAV leaves out what was logged last: a second file that fails as the first did would not say why.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked: list[int] = []
        self._before: tuple[int | None, bool] = (None, True)

    def ask(self, level: int) -> None:
        with self._lock:
            if not self._asked:
                self._before = av.logging.get_level(), av.logging.get_skip_repeated()
                av.logging.set_skip_repeated(False)
            self._asked.append(level)
            av.logging.set_level(max(self._asked))

    def release(self, asked: int) -> None:
        with self._lock:
            self._asked.remove(asked)
            if self._asked:
                av.logging.set_level(max(self._asked))
            else:
                level, skip = self._before
                av.logging.set_level(level)
                av.logging.set_skip_repeated(skip)


_level = _Level()


def logged(action: Callable[[], object]) -> str:
    """Runs an action and returns what FFmpeg logged meanwhile, at the level of information."""
    with _collected(av.logging.INFO) as messages:
        said = action()
    return "".join(messages) + (said if isinstance(said, str) else "")


@contextmanager
def errors_logged() -> Iterator[list[str]]:
    """Collects what FFmpeg calls an error in this thread: PyAV's exceptions tell a number only.

    For short calls that no other thread waits for. While anything is collected, every thread of FFmpeg that logs waits
    for Python's lock; otherwise none does.
    """
    said: list[str] = []
    try:
        with _collected(av.logging.ERROR) as messages:
            yield said
    finally:
        said += [" ".join(text.split()) for text in messages if text.strip()]


@contextmanager
def _collected(level: int) -> Iterator[list[str]]:
    messages: list[str] = []
    _level.ask(level)
    try:
        with av.logging.Capture() as logs:
            try:
                yield messages
            finally:
                messages += [text for at, _, text in logs if at <= level]
    finally:
        _level.release(level)


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
