"""Background threads, and an executor, that do not delay the end of an interrupted process."""

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
"""How long the end of the process waits for running tasks, in s."""
_NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_busy = threading.Condition()
_running = 0
"""Number of running tasks in all threads."""


@atexit.register
def _wait_for_tasks() -> None:
    """Waits for running tasks at the end of the process.

    At its end, Python raises an exception in the remaining threads. If a thread is just returning from an engine's C++
    code, that aborts the process, which then has another exit code.
    """
    with _busy:
        _busy.wait_for(lambda: _running == 0, _AT_THE_END_S)


def _count(step: int) -> None:
    global _running
    with _busy:
        _running += step
        _busy.notify_all()


def background_thread(target: Callable[[], None], name: str) -> threading.Thread:
    """Returns a thread, not started yet, that does not delay the end of the process."""
    return _Background(target=target, name=name, daemon=True)


class _Background(threading.Thread):
    def start(self) -> None:
        """Starts the thread; exceptions of signal handlers are raised afterwards.

        An exception that is raised while Python starts a thread ends that thread with a traceback.
        """
        with _signals_held():
            super().start()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Context that delays signals in the main thread; their handlers are called at its end.

    A signal mask would not work: a thread of an engine would receive the signal, and Python would call the handler
    nevertheless.
    """
    held: list[tuple[int, FrameType | None]] = []
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        # Handlers that are not Python functions could not be restored.
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
    """Runs tasks in threads, in the order in which they were submitted.

    The executors of the standard library are unsuitable: Python waits for their threads at its end, but an interrupted
    run need not wait for the network.

    Args:
      count: number of threads.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[tuple[Callable[[], Result], Future[Result]] | None] = SimpleQueue()
        self._closed = False

    def start(self, task: Callable[[], Result]) -> Future[Result]:
        """Submits a task to the next free thread; its exceptions are raised by the future."""
        if len(self._threads) < self._count:
            self._threads.append(background_thread(self._work, "worker"))
            self._threads[-1].start()
        future: Future[Result] = Future()
        self._tasks.put((task, future))
        return future

    def close(self) -> None:
        """Ends the threads after their current tasks and drops waiting ones; does not wait for the threads."""
        self._closed = True
        for _ in self._threads:
            self._tasks.put(None)

    def _work(self) -> None:
        while (item := self._tasks.get()) is not None and not self._closed:
            task, future = item
            _count(1)
            try:
                future.set_result(task())
            # The future raises it in the thread that waits for the result.
            except BaseException as error:
                future.set_exception(error)
            finally:
                _count(-1)
