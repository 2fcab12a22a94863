"""Folders: every video in a tree, one after the other or several at once; one that fails stops no other."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from frame_booster.engine.contract import LoadedNetwork
from frame_booster.errors import FrameBoosterError, InputError, Interrupted, OutputError, UnexpectedError
from frame_booster.media.paths import find_videos, result_suffix, shortened
from frame_booster.options import BoostOptions
from frame_booster.pipeline.boost import load, run
from frame_booster.pipeline.job import Progress
from frame_booster.pipeline.result import Result

_SETTLED_S = 2.0
"""A file in a watched folder that has not grown for so long is complete."""


@dataclass(frozen=True)
class FolderOptions:
    """Which files of a folder are boosted, and how many at once."""

    pattern: str | None = None
    """Of file names, as `*.mov`; None is any video."""
    suffix: str | None = None
    """Of the outputs, as `.mkv`; None keeps the input's where that is one of `paths.KEPT_SUFFIXES`."""
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
        self._outputs: dict[Path, Path] = {}
        self._name(self.files)
        self._models: dict[str, LoadedNetwork] = {}
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
            waiting: set[Future[None]] = set()
            try:
                for k, path in enumerate(self._sources()):
                    if len(waiting) >= jobs:
                        waiting = self._wait(waiting, FIRST_COMPLETED)
                    waiting.add(pool.submit(self._boost, path, self.output_of(path), devices[k % len(devices)]))
                self._wait(waiting, ALL_COMPLETED)
            except (KeyboardInterrupt, Interrupted) as error:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                if not self.folder.watch:
                    done = sum(outcome.outcome == "done" for outcome in self.outcomes)
                    raise Interrupted(
                        f"{error or 'interrupted'}; {done} of {len(self.files)} files are done"
                    ) from error
        return self.outcomes

    @staticmethod
    def _wait(futures: set[Future[None]], until: str) -> set[Future[None]]:
        """Waits; returns what is not done yet, raises what a thread has ended in."""
        done, rest = wait(futures, return_when=until)
        for future in done:
            future.result()
        return rest

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
        """Returns where the result of a file goes; two files of one name keep their suffixes in it, `clip.avi.mkv`."""
        if path not in self._outputs:
            self._name([path])
        return self._outputs[path]

    def _name(self, paths: list[Path]) -> None:
        """Gives each input an output that no other input of this run has."""
        chosen = {path: self._in_target(path, path.stem) for path in paths}
        tried = dict.fromkeys(paths, 0)
        while shared := self._shared(chosen):
            fewest = min(tried[path] for path in shared)
            for number, path in enumerate(shared, 1):
                if tried[path] == fewest:
                    tried[path] += 1
                    # Numbered are names that differ in case alone, which many file systems take for one.
                    ending = "" if tried[path] == 1 else f"-{tried[path] - 2 + number}"
                    chosen[path] = self._in_target(path, path.name, ending)
        self._outputs |= chosen

    def _shared(self, chosen: dict[Path, Path]) -> list[Path]:
        counts = Counter(str(output).casefold() for output in (*chosen.values(), *self._outputs.values()))
        return [path for path, output in chosen.items() if counts[str(output).casefold()] > 1]

    def _in_target(self, path: Path, stem: str, ending: str = "") -> Path:
        suffix = self.folder.suffix or result_suffix(path)
        return self.target / path.relative_to(self.source).with_name(shortened(stem, ending + suffix))

    def _model(self, device: str) -> LoadedNetwork:
        with self._loading:
            if device not in self._models:
                self._models[device] = load(replace(self.options, device=device))
            return self._models[device]

    def _boost(self, path: Path, target: Path, device: str) -> None:
        """Boosts one file and notes what became of it, whatever its work ends in."""
        try:
            outcome = self._one(path, target, device)
        # The end of a thread: what nobody has foreseen is this file's failure, and no other's.
        except Exception as error:
            known = error if isinstance(error, FrameBoosterError) else UnexpectedError.of(error, path)
            outcome = FileOutcome(str(path), str(target), "failed", error=str(known), exit_code=known.exit_code)
        self.outcomes.append(outcome)
        self.report(path, outcome)

    def _one(self, path: Path, target: Path, device: str) -> FileOutcome:
        if self.folder.skip_existing and target.exists():
            return FileOutcome(str(path), str(target), "skipped")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot be made: {error.strerror}", path=target.parent) from error
        result = run(
            str(path),
            os.fspath(target),
            self.options,
            lambda p: self.report(path, p),
            lambda _: self._model(device),
            self._stop,
            max(1, self.folder.jobs),
        )
        return FileOutcome(str(path), str(target), "done", result)
