"""Folders: every video in a tree, one after the other or several at once; one that fails stops no other."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from frame_booster.engine.model import Model
from frame_booster.errors import FrameBoosterError, InputError, Interrupted, OutputError
from frame_booster.media.finding import find_videos
from frame_booster.options import BoostOptions
from frame_booster.pipeline.boost import Progress, Result, load, run

KEPT_SUFFIXES = frozenset([".mp4", ".mkv", ".mov", ".m4v", ".webm", ".gif", ".nut"])
"""Of inputs whose outputs have the same; others become .mkv, which holds everything."""
_SETTLED_S = 2.0
"""A file in a watched folder that has not grown for so long is complete."""


@dataclass(frozen=True)
class FolderOptions:
    """Which files of a folder are boosted, and how many at once."""

    pattern: str | None = None
    """Of file names, as `*.mov`; None is any video."""
    suffix: str | None = None
    """Of the outputs, as `.mkv`; None keeps the input's where that is one of `KEPT_SUFFIXES`."""
    skip_existing: bool = False
    jobs: int = 1
    devices: tuple[str, ...] = ()
    """Used in turn by the jobs; none is the device of the options."""
    watch: bool = False
    """Whether to go on for files that come later, until interrupted."""
    interval_s: float = 2.0


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file."""

    input: str
    output: str
    outcome: str
    """done, skipped or failed."""
    result: Result | None = None
    error: str | None = None
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        """Returns the fields; those of the result among them."""
        facts: dict[str, Any] = {"input": self.input, "output": self.output, "outcome": self.outcome}
        if self.result is not None:
            facts |= {k: v for k, v in self.result.as_json().items() if k not in facts}
        if self.error is not None:
            facts |= {"error": self.error, "exit_code": self.exit_code}
        return facts


Report = Callable[[Path, "Progress | FileOutcome"], None]
"""Called with a file's progress and, at its end, its outcome; from several threads where there are several jobs."""


class FolderRun:
    """Boosts the videos of a folder into another, which gets the same tree.

    Args:
      source: folder of videos.
      target: folder for the results, made if needed.
      options: of every file.
      folder: which files, and how.
      report: told of all progress.

    Raises:
      InputError: the folders are the same, or there is no video (and none is waited for).
    """

    def __init__(
        self, source: Path, target: Path, options: BoostOptions, folder: FolderOptions, report: Report | None = None
    ) -> None:
        self.source, self.target, self.options, self.folder = source, target, options, folder
        self.report = report or (lambda path, news: None)
        if target.exists() and target.samefile(source):
            raise InputError("the output folder is the input folder", path=target, hint="give another with -o")
        if target.is_file():
            raise OutputError("is a file; a folder's results need a folder", path=target)
        self.files = find_videos(source, folder.pattern, without=target.absolute() if target.is_absolute() else target)
        if not self.files and not folder.watch:
            raise InputError("has no videos", path=source, hint="see --pattern")
        self._models: dict[str, Model] = {}
        self._loading = threading.Lock()
        self._stop = threading.Event()
        self.outcomes: list[FileOutcome] = []
        """What became of each file so far."""

    def run(self) -> list[FileOutcome]:
        """Boosts all files; with `watch` until interrupted.

        Returns:
          What became of each, in the order of their ends.
        """
        jobs = max(1, self.folder.jobs)
        # One file at a time has all devices; several files take them in turn.
        devices = self.folder.devices if self.folder.devices and jobs > 1 else (self.options.device,)
        with ThreadPoolExecutor(jobs) as pool:
            waiting: set[Future[FileOutcome]] = set()
            try:
                for k, path in enumerate(self._sources()):
                    if len(waiting) >= jobs:
                        _, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    waiting.add(pool.submit(self._one, path, devices[k % len(devices)]))
                wait(waiting)
            except (KeyboardInterrupt, Interrupted):
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                if not self.folder.watch:
                    raise
        return self.outcomes

    def _sources(self) -> Iterator[Path]:
        yield from self.files
        seen = set(self.files)
        while self.folder.watch:
            time.sleep(self.folder.interval_s)
            for path in find_videos(self.source, self.folder.pattern, without=self.target):
                if path not in seen and time.time() - path.stat().st_mtime >= _SETTLED_S:
                    seen.add(path)
                    yield path

    def output_of(self, path: Path) -> Path:
        """Returns where the result of a file goes."""
        relative = path.relative_to(self.source)
        suffix = self.folder.suffix or (path.suffix if path.suffix.lower() in KEPT_SUFFIXES else ".mkv")
        return self.target / relative.with_suffix(suffix)

    def _model(self, device: str) -> Model:
        with self._loading:
            if device not in self._models:
                self._models[device] = load(replace(self.options, device=device))
            return self._models[device]

    def _one(self, path: Path, device: str) -> FileOutcome:
        target = self.output_of(path)
        if self.folder.skip_existing and target.exists():
            outcome = FileOutcome(str(path), str(target), "skipped")
        else:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                model = self._model(device)
                result = run(
                    str(path),
                    os.fspath(target),
                    self.options,
                    lambda p: self.report(path, p),
                    model,
                    self._stop,
                    max(1, self.folder.jobs),
                )
                outcome = FileOutcome(str(path), str(target), "done", result)
            except FrameBoosterError as error:
                outcome = FileOutcome(str(path), str(target), "failed", error=str(error), exit_code=error.exit_code)
            except OSError as error:
                message = f"{target}: cannot be written: {error.strerror}"
                outcome = FileOutcome(str(path), str(target), "failed", error=message, exit_code=OutputError.exit_code)
        self.outcomes.append(outcome)
        self.report(path, outcome)
        return outcome
