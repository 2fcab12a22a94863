"""The head of a run on a cluster: assigns segments to workers, fetches the results, and joins them to files."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from frame_booster.errors import FrameBoosterError, Interrupted, ModelError, as_known
from frame_booster.media.output.refusals import cannot_write
from frame_booster.options import BoostOptions
from frame_booster.pipeline.cluster.crew import Event, Lost, Member
from frame_booster.pipeline.cluster.fetching import LostOnTheWay, fetch
from frame_booster.pipeline.cluster.file_work import FileWork
from frame_booster.pipeline.cluster.hiring import Hiring, Place
from frame_booster.pipeline.cluster.messages import Answer, Failure, Hello, Made, Setup
from frame_booster.pipeline.cluster.news import News, Warned
from frame_booster.pipeline.cluster.options import ClusterOptions
from frame_booster.pipeline.cluster.progress import ClusterProgress
from frame_booster.pipeline.result import Result
from frame_booster.pipeline.workers import background_thread

_LOOK_S = 0.1
"""Longest wait of the scheduling loop for an event, in s."""
_OPENING = 4
"""Most inputs opened at the same time."""
_FETCHING = 4
"""Most segments fetched at the same time, which limits the memory of the head and of Ray's object store."""
_LEAVE_S = 1.0
"""How long workers may clean up at the end, in s."""
_PATIENCE_S = 1.5
"""How long the end of a run waits for the scheduling thread, in s."""


@dataclass(frozen=True)
class Ended:
    """The result or the error of a file."""

    source: str
    output: str
    result: Result | None = None
    error: FrameBoosterError | None = None


class Head:
    """Processes files on a cluster.

    The caller's thread joins files, one after the other; the head's own thread does everything else.

    Args:
      ray: the Ray module, connected.
      place: facts about the cluster.
      setup: setup of all workers.
      files: input, output and film of each file as in `boost.run`, the largest first.
      sizes: bytes of the inputs, from which the length of unopened inputs is estimated.
      options: options of all files.
      cluster: options of the cluster.
      news: called with progress and warnings, in the head's thread.
      ended: called with the result of each file, in the caller's thread.
    """

    def __init__(
        self,
        ray: Any,
        place: Place,
        setup: Setup,
        files: Sequence[tuple[str, str | None, Path | None]],
        sizes: Sequence[int],
        options: BoostOptions,
        cluster: ClusterOptions,
        news: Callable[[News], None],
        ended: Callable[[Ended], None],
    ) -> None:
        self._ray, self._place, self._options, self._cluster = ray, place, options, cluster
        self._shared_scratch = setup.scratch is not None
        self._news, self._ended = news, ended
        self._files, self._next_file = files, 0
        self._hiring = Hiring(ray, place, setup, options, cluster, self._warn_once)
        self._crew = self._hiring.crew
        self._pool = ThreadPoolExecutor(_OPENING + _FETCHING, thread_name_prefix="head")
        self._opening: dict[Future[None], FileWork] = {}
        self._fetching: dict[Future[Path], tuple[FileWork, Made]] = {}
        self._waiting: deque[tuple[FileWork, Made, Any]] = deque()
        """Finished segments that wait to be fetched."""
        self._active: list[FileWork] = []
        self._tasks: dict[int, FileWork] = {}
        self._keys = 0
        self._to_join: queue.SimpleQueue[FileWork | Ended] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._progress = ClusterProgress(sizes)
        self.warnings: list[str] = []
        """Warnings about the cluster, as opposed to a single file."""

    def run(self) -> None:
        """Processes all files; returns when each is done or has failed.

        Raises:
          FrameBoosterError: no worker could be started.
          Interrupted: the run was interrupted.
        """
        thread = background_thread(self._schedule, "head")
        thread.start()
        try:
            while True:
                alive = thread.is_alive()
                try:
                    item = self._to_join.get(timeout=_LOOK_S)
                except queue.Empty:
                    if alive:
                        continue
                    break
                self._end(self._joined(item) if isinstance(item, FileWork) else item)
        finally:
            self._stop.set()
            thread.join(_PATIENCE_S)
            self._pool.shutdown(wait=False, cancel_futures=True)
            for work in self._active:
                work.abandon()
            for opened, work in self._opening.items():
                opened.add_done_callback(partial(_abandoned, work))
        if self._failure is not None:
            raise self._failure

    def _joined(self, work: FileWork) -> Ended:
        try:
            return Ended(work.source, str(work.target), work.join())
        except Interrupted:
            raise
        except FrameBoosterError as error:
            return Ended(work.source, str(work.target), error=error)
        # An unexpected error fails this file only.
        except Exception as error:
            return Ended(work.source, str(work.target), error=as_known(error, work.source))

    def _end(self, ended: Ended) -> None:
        self._progress.ended()
        self._ended(ended)

    def _schedule(self) -> None:
        try:
            while not self._stop.is_set() and (self._active or self._opening or self._next_file < len(self._files)):
                self._hiring.hire(self._wanted())
                for event in self._crew.events(_LOOK_S):
                    self._handle(event)
                self._collect()
                self._open_more()
                self._hand_out()
                self._tell()
        # `run` raises it in the caller's thread.
        except BaseException as error:
            self._failure = error
        finally:
            self._crew.dismiss_all(patience=0.0 if self._stop.is_set() else _LEAVE_S)

    def _spare(self) -> int:
        """Returns how many segments could be assigned now."""
        return sum(work.chain.spare(len(self._crew.members)) for work in self._active)

    def _wanted(self) -> int | None:
        """Returns how many more workers would have work; None while not all inputs are opened."""
        if self._hiring.fixed is None or self._opening or self._next_file < len(self._files):
            return None
        return self._spare()

    def _handle(self, event: Event) -> None:
        member, what = event
        if isinstance(what, Lost):
            if what.task is None:
                if what.started and member.hello is None:
                    self._hiring.bad_start(
                        ModelError(f"workers do not start: {what.why}", hint="see the worker logs of Ray")
                    )
                return
            self._warn_once(f"{what.why}; its segment is made again")
            work = self._tasks.pop(what.task.key)
            self._guarded(work, partial(work.lost, what.task.number, what.why))
        elif isinstance(what, Hello):
            self._hiring.greet(member, what)
        elif isinstance(what, Failure) and what.key == 0:
            self._hiring.bad_start(what.error())
        else:
            self._answered(member, what)

    def _answered(self, member: Member, answer: Answer) -> None:
        work = self._tasks.pop(answer.key)
        if work not in self._active:
            if isinstance(answer, Made):
                member.actor.forget.remote(answer.path)
            return
        if isinstance(answer, Made):
            assert member.hello is not None
            work.workers.add(member.hello.host)
            self._waiting.append((work, answer, member.actor))
            work.note_pace(answer)
            for other in self._crew.in_state("busy"):
                if other.task is not None and self._tasks.get(other.task.key) is work:
                    other.pace = work.pace
            return
        self._guarded(work, partial(work.take, answer))

    def _guarded(self, work: FileWork, step: Callable[[], Any]) -> None:
        """Runs a step of a file's work; then fails the file if the step raises, or joins it if it is complete."""
        if work not in self._active:
            return
        try:
            step()
        except FrameBoosterError as error:
            self._fail(work, error)
        except OSError as error:
            self._fail(work, cannot_write(error, work.target))
        else:
            if work.chain.complete:
                self._leave(work)
                self._to_join.put(work)

    def _fail(self, work: FileWork, error: FrameBoosterError) -> None:
        self._leave(work)
        work.abandon()
        self._to_join.put(Ended(work.source, work.output or "", error=error))

    def _leave(self, work: FileWork) -> None:
        """Stops all tasks of a file."""
        if work in self._active:
            self._active.remove(work)
            self._progress.left(work)
        for member in self._crew.in_state("busy"):
            if member.task is not None and self._tasks.get(member.task.key) is work:
                self._crew.stop(member)

    def _collect(self) -> None:
        while self._waiting and len(self._fetching) < _FETCHING:
            work, made, actor = self._waiting.popleft()
            if work in self._active:
                future = self._pool.submit(self._fetched, actor, made, work.new_path(made.number))
                self._fetching[future] = work, made
        for future in [future for future in self._fetching if future.done()]:
            work, made = self._fetching.pop(future)
            error = future.exception()
            if isinstance(error, (self._ray.exceptions.RayError, LostOnTheWay)):
                lost = isinstance(error, self._ray.exceptions.RayError)
                why = "a worker was lost before its segment was copied" if lost else str(error)
                self._guarded(work, partial(work.lost, made.number, why))
            else:
                self._guarded(work, partial(self._take, work, made, future))
        for opened in [future for future in self._opening if future.done()]:
            work = self._opening.pop(opened)
            error = opened.exception()
            if error is None:
                self._active.append(work)
                self._progress.opened(work)
                self._guarded(work, _nothing)
            else:
                known = as_known(error, work.source)
                self._fail(work, known)

    def _take(self, work: FileWork, made: Made, fetched: Future[Path]) -> None:
        for text in work.take(made, fetched.result()):
            self._warn_once(text)

    def _fetched(self, actor: Any, made: Made, path: Path) -> Path:
        fetch(self._ray, actor, made, path, shared=self._shared_scratch)
        return path

    def _open_more(self) -> None:
        if self._hiring.fixed is None:
            return
        workers = max(len(self._crew.in_state("idle", "busy")), self._place.capacity)
        while (
            self._next_file < len(self._files)
            and len(self._opening) < _OPENING
            and self._spare() + len(self._opening) < workers
        ):
            source, output, film = self._files[self._next_file]
            self._progress.opening()
            self._next_file += 1
            work = FileWork(source, output, self._options, self._cluster.tries, film)
            files = len(self._files)
            self._opening[self._pool.submit(work.open, self._hiring.fixed, files, workers)] = work

    def _hand_out(self) -> None:
        for member in self._crew.in_state("idle"):
            for work in self._active:
                self._keys += 1
                task = work.next(self._keys, len(self._crew.members))
                if task is not None:
                    self._tasks[task.key] = work
                    self._progress.work_begins()
                    self._crew.give(member, task, work.pace)
                    break
            else:
                return

    def _warn_once(self, text: str, beginning: str | None = None) -> None:
        if not any(known.startswith(beginning or text) for known in self.warnings):
            self.warnings.append(text)
            self._news(Warned(text))

    def _tell(self) -> None:
        if self._progress.is_due():
            self._news(self._progress.now(self._active, self._crew))


def _abandoned(work: FileWork, _: Future[None]) -> None:
    work.abandon()


def _nothing() -> None:
    """Does nothing: the step of a file that is just opened, which may be complete from an earlier run."""
