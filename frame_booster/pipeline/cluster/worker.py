"""A worker of a cluster: a process that loads the network once and makes segments.

It runs as a Ray actor, but does not use Ray itself, so that it can be tested without Ray.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from frame_booster.engine.batch_interpolator import KeptMakers
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.errors import InputError, UnexpectedError
from frame_booster.media.frames.mask import Mask, read_mask
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import Resume, Source
from frame_booster.media.output.segments import SegmentWriter
from frame_booster.media.paths import input_path
from frame_booster.options import BoostOptions
from frame_booster.pipeline.boost import load
from frame_booster.pipeline.boundaries import Boundary, Opening, SegmentGrid
from frame_booster.pipeline.cluster.machines import kind_of, this_machine
from frame_booster.pipeline.cluster.messages import Answer, Empty, Failure, Hello, Made, Setup, Task
from frame_booster.pipeline.cluster.scout import beginning_of
from frame_booster.pipeline.lazy_model import LazyModel
from frame_booster.pipeline.opened_run import OpenedRun
from frame_booster.pipeline.pairing import Counts

_FOLDER = "frame-booster-worker-"


class Worker:
    """Makes segments, one at a time, and serves the finished files.

    Its methods may be called from several threads.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._model: LoadedNetwork | None = None
        self._kept = KeptMakers()
        self._task: tuple[int, threading.Event] | None = None
        self._frames = 0
        self._folder = _own_folder() if setup.scratch is None else Path(setup.scratch) / setup.token

    def load(self) -> LoadedNetwork:
        """Loads the network."""
        return load(self.setup.options)

    def hello(self) -> Hello | Failure:
        """Loads the network and returns the facts about this worker."""
        try:
            if self.setup.scratch is not None and not self._folder.is_dir():
                raise InputError(
                    f"is not the same folder on {socket.gethostname()}",
                    path=self._folder.parent,
                    hint="--cluster-scratch needs a folder that all machines share",
                )
            model = self._model = self.load()
        # The head reports any error.
        except Exception as error:
            return Failure.of(error, 0, 0, exact=True, source=socket.gethostname())
        options = self.setup.options
        return Hello(
            machine=this_machine(options.model, options.weights),
            device=model.device,
            kind=kind_of(model),
            precision=model.precision,
            engine=model.engine,
            provider=model.provider,
        )

    def make(self, task: Task) -> Answer:
        """Makes a segment."""
        began, stop = time.monotonic(), threading.Event()
        self._frames, self._task = 0, (task.key, stop)
        store = _Store(self._folder / f"{task.key}-{secrets.token_hex(6)}.packets", 0 if task.number == 0 else 1)
        try:
            return self._make(task, store, stop, began)
        except _Elsewhere:
            return Empty(task.key, task.number)
        # The head decides for any error whether to retry the segment.
        except Exception as error:
            return Failure.of(error, task.key, task.number, exact=task.start.exact, source=task.source)
        finally:
            self._task = None

    def _make(self, task: Task, store: _Store, stop: threading.Event, began: float) -> Answer:
        options = task.options
        if options.threads is not None:
            options = replace(options, source=replace(options.source, threads=options.threads))
        after = task.start.after
        if after is not None and options.dedupe and not task.start.exact:
            with self._opened(task, options) as source:
                after = beginning_of(source, options, task.number, after)
        first: list[int] = []
        with self._opened(task, options) as source:

            def opened(opening: Opening) -> None:
                if after is not None:
                    grid = SegmentGrid(after.first_pts, options.segment_length / source.info.time_base)
                    if grid.number_at(opening.pts) != task.number:
                        raise _Elsewhere
                first.append(opening.pts)

            assert self._model is not None
            work = OpenedRun(
                source,
                Path(task.target),
                task.format,
                LazyModel(options, self._model),
                options,
                lambda progress: self._tell(progress.frames),
                stop,
                self.setup.sharers,
                self._kept,
                _mask_of(task),
            )
            plans = work.lone_segment(store, after, opened)
            if store.counts is None:
                raise UnexpectedError("a segment is incomplete", path=task.source)
            shift = source.shift
            begins = Resume(first[0], shift, source.format, source.fields) if after is None else after.next
            return Made(
                key=task.key,
                number=task.number,
                exact=task.start.exact,
                first=replace(begins, pts=first[0]),
                end=store.end,
                frames=store.made,
                counts=store.counts,
                warnings=tuple(store.warnings),
                truncated=store.truncated,
                decode_errors=source.report.decode_errors,
                path=str(store.path),
                size=store.path.stat().st_size,
                digest=_digest(store.path),
                plans=plans,
                seconds=time.monotonic() - began,
            )

    @staticmethod
    def _opened(task: Task, options: BoostOptions) -> Source:
        return open_source(input_path(task.source), options.source, **options.part)

    def _tell(self, frames: int) -> None:
        self._frames = frames

    def progress(self) -> tuple[int, int]:
        """Returns the key of the current task, 0 if there is none, and its number of encoded frames."""
        task = self._task
        return (0, 0) if task is None else (task[0], self._frames)

    def stop(self, key: int) -> None:
        """Stops a task if it is still running."""
        task = self._task
        if task is not None and task[0] == key:
            task[1].set()

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Returns `size` bytes of a finished segment's file from an offset on."""
        with Path(path).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def leave(self) -> None:
        """Removes this worker's own folder."""
        if self.setup.scratch is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def forget(self, path: str) -> None:
        """Removes the file of a segment."""
        Path(path).unlink(missing_ok=True)


def _mask_of(task: Task) -> Mask | None:
    if task.options.mask is None:
        return None
    mask = read_mask(Path(task.options.mask))
    if mask.digest != task.mask:
        raise InputError(f"the mask is a different image on {socket.gethostname()}", path=mask.path)
    return mask


class _Elsewhere(Exception):
    """The first frame found belongs to another segment."""


class _Store:
    """Stores one segment; a `segment_sink.SegmentStore`."""

    def __init__(self, path: Path, begun: int) -> None:
        self.path, self.frames = path, begun
        self.end: Boundary | None = None
        self.counts: Counts | None = None
        self.warnings: list[str] = []
        self.truncated: str | None = None
        self.made = 0

    def new(self) -> SegmentWriter:
        return SegmentWriter(self.path)

    def add(
        self,
        writer: SegmentWriter,
        frames: int,
        boundary: Boundary | None,
        counts: Counts | None = None,
        warnings: Iterable[str] = (),
        truncated: str | None = None,
    ) -> None:
        writer.finish()
        self.made, self.end = frames - self.frames, boundary
        self.counts = counts if boundary is None else boundary.counts
        self.warnings, self.truncated = list(warnings), truncated


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


_locks: list[FileLock] = []
"""Locks of this process's folders; the operating system releases them when the process ends."""


_YOUNG_S = 60.0
"""A folder younger than this, in s, may belong to a worker that has not locked it yet."""


def _own_folder() -> Path:
    """Creates a folder for packets, and removes the folders of workers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        try:
            if time.time() - folder.stat().st_mtime < _YOUNG_S:
                continue
            left = FileLock(folder / "lock")
            left.acquire(blocking=False)
            left.release()
            shutil.rmtree(folder, ignore_errors=True)
        except (Timeout, OSError):
            continue
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
    lock = FileLock(folder / "lock", thread_local=False)
    lock.acquire()
    _locks.append(lock)
    return folder
