"""Background threads: an executor whose threads do not keep an interrupted process from its end."""

from __future__ import annotations

import atexit
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
_AT_THE_END_S = 30.0
"""How long the end of the process waits for what is in the network."""
_NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_busy = threading.Condition()
_running = 0
"""Tasks that are being done, in all threads."""


@atexit.register
def _wait_for_tasks() -> None:
    """Python ends the threads that are left by an exception in whatever they do next, and where they come back from the
    C++ of an engine just then, the process is aborted instead of ended with its exit code."""
    with _busy:
        _busy.wait_for(lambda: _running == 0, _AT_THE_END_S)


def _count(step: int) -> None:
    global _running
    with _busy:
        _running += step
        _busy.notify_all()


def background_thread(target: Callable[[], None], name: str) -> threading.Thread:
    """Returns a thread, to be started, that does not keep the process from its end."""
    return _Background(target=target, name=name, daemon=True)


class _Background(threading.Thread):
    def start(self) -> None:
        """Starts it; what a signal's handler raises meanwhile is raised when that is done.

        Raised while Python starts a thread, it makes the thread end at once, with a traceback.
        """
        with _signals_held():
            super().start()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Within it, in the main thread, signals wait; their handlers are called at its end.

    Not by a mask: what the main thread does not take, a thread of an engine would, and Python calls the handler all the
    same.
    """
    held: list[tuple[int, FrameType | None]] = []
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        # One that is not Python's could not be put back.
        numbers = [number for number in _NUMBERS if callable(signal.getsignal(number))]
        before = {number: signal.signal(number, lambda *called: held.append(called)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number, frame in held:
        before[number](number, frame)


class Workers(Generic[Result]):
    """Runs tasks in threads of its own, begun in the order they were given.

    Not an executor of the standard library: Python waits for those at its end, and an interrupted run need not wait
    for the frame in the network.

    Args:
      count: tasks at the same time.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[tuple[Callable[[], Result], Future[Result]] | None] = SimpleQueue()
        self._closed = False

    def start(self, task: Callable[[], Result]) -> Future[Result]:
        """Gives a task to the next thread that is free; whatever it raises is raised by the future."""
        if len(self._threads) < self._count:
            self._threads.append(background_thread(self._work, "worker"))
            self._threads[-1].start()
        future: Future[Result] = Future()
        self._tasks.put((task, future))
        return future

    def close(self) -> None:
        """Ends the threads after what they are at; tasks that wait are dropped. Does not wait for them."""
        self._closed = True
        for _ in self._threads:
            self._tasks.put(None)

    def _work(self) -> None:
        while (item := self._tasks.get()) is not None and not self._closed:
            task, future = item
            _count(1)
            try:
                future.set_result(task())
            # It is raised in the thread that waits for the future.
            except BaseException as error:
                future.set_exception(error)
            finally:
                _count(-1)
