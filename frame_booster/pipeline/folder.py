"""Runs over several inputs, files and the videos of folders, one after the other or in parallel.

An input that fails does not stop the others.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from frame_booster.engine.contract import LoadedNetwork
from frame_booster.errors import InputError, Interrupted, OutputError
from frame_booster.media.output.atomic import make_folder
from frame_booster.media.paths import find_videos, input_path, is_picture_folder, is_pipe, named, same_name
from frame_booster.media.remote_path import is_address
from frame_booster.options import BoostOptions
from frame_booster.pipeline.boost import load, run
from frame_booster.pipeline.earlier_results import EarlierResults, made_again
from frame_booster.pipeline.inputs import Given
from frame_booster.pipeline.job import Progress
from frame_booster.pipeline.outcome import FileOutcome
from frame_booster.pipeline.result_names import ResultNames
from frame_booster.pipeline.space import free_space, shown_bytes
from frame_booster.pipeline.watched_files import WatchedFiles
from frame_booster.waiting import wait_for


@dataclass(frozen=True)
class FolderOptions:
    """Which files of a folder are boosted, and how many in parallel."""

    pattern: str | None = None
    """Pattern of file names, such as `*.mov`; None is any video."""
    suffix: str | None = None
    """Suffix of the outputs, such as `.mkv`; None keeps that of the input if it is one of `paths.KEPT_SUFFIXES`."""
    skip_existing: bool = False
    """Whether to skip files with a complete output."""
    jobs: int = 1
    """Number of files in parallel."""
    devices: tuple[str, ...] = ()
    """Devices, of which each job uses one; if empty, all use the device of the options."""
    watch: bool = False
    """Whether to wait for new files until interrupted."""
    interval_s: float = 2.0
    """Time between two scans of a watched folder, in s; a file that is unchanged in between is complete."""
    done: frozenset[str] | None = None
    """Absolute paths of inputs that are done according to a report and are skipped; None if there is no report."""
    retried: Path | None = None
    """Path of that report."""
    whole: Mapping[str, int] = field(default_factory=dict)
    """Absolute paths and sizes in bytes of outputs that an earlier run has checked, as in `EarlierResults`."""


Report = Callable[[Path, "Progress | FileOutcome"], None]
"""Called with the progress of a file and, at its end, its outcome; by several threads if there are several jobs."""


class FolderRun:
    """Boosts the videos of folders, and single inputs, into another folder.

    The results of a folder keep its tree: in the output folder itself if the folder is the only input, else in a
    subfolder with its name. The result of a single file is `NAME.2x.EXT`, as if it were the only input.

    Args:
      source: folder of videos, or several inputs.
      target: folder for the results, created if necessary; None puts each result where it would go if its input were
        the only one.
      options: options of all files.
      folder: which files to boost, and how.
      report: called with the progress and outcome of each file.

    Raises:
      InputError: the folders are the same, there is no video (without `watch`), `watch` has no folder, two inputs would
        have the same output, or an output would replace an input.
      OutputError: the target is a file.
    """

    def __init__(
        self,
        source: Path | Sequence[Given],
        target: Path | None,
        options: BoostOptions,
        folder: FolderOptions,
        report: Report | None = None,
    ) -> None:
        self.target, self.options, self.folder = target, options, folder
        self.given = [Given(str(source))] if isinstance(source, Path) else list(source)
        self.report = report or (lambda path, news: None)
        if target is not None and target.is_file():
            raise OutputError("is a file, but several inputs need a folder", path=target, hint="for example -o out/")
        self._results = ResultNames(target, options.multiple, options.output_format, folder.suffix)
        self.outcomes: list[FileOutcome] = []
        """Outcomes so far of files, and of folders that cannot be read."""
        self.files = list(self._found())
        if not self.files and not self.outcomes and not folder.watch:
            raise InputError("contains no videos", path=", ".join(g.text for g in self.given), hint="see --pattern")
        if folder.watch and not any(self._is_folder(given) for given in self.given):
            raise InputError("--watch needs a folder among the inputs", hint="remove --watch")
        self._results.give(self.files)
        self._results.check()
        self._models: dict[tuple[str | None, ...], LoadedNetwork] = {}
        self._loading = threading.Lock()
        self._stop = threading.Event()
        self._earlier = EarlierResults(options, folder.done, folder.skip_existing, folder.whole)

    @staticmethod
    def _is_folder(given: Given) -> bool:
        """Returns whether an input is a folder of videos; a folder of images counts as a single input."""
        if is_address(given.text):
            return False
        path = Path(given.text)
        try:
            return path.is_dir() and not is_picture_folder(path)
        except InputError:
            # The search for its videos reports this error, without stopping the other inputs.
            return True

    def _found(self) -> Iterator[Path]:
        """Yields new inputs and records the names of their results.

        Raises:
          InputError: an output folder is the input's own.
        """
        # If the output folder contains the input folder, results may be found there by a later scan.
        made = {same_name(output) for output in self._results.outputs.values()}
        made |= {same_name(outcome.output) for outcome in self.outcomes if outcome.output}
        for given in self.given:
            path = input_path(given.text)
            if not self._is_folder(given):
                below = path.parent if self.target is None else self.target / given.below
                if self._results.put(path, below, marked=True):
                    yield path
                continue
            into = self._tree_of(path)
            if into.exists() and into.samefile(path):
                raise InputError("the output folder is the input folder", path=into, hint="choose another with -o")
            # Files in the output folder are not inputs, unless it contains the input folder.
            results = into if self.target is None else self.target
            without = None if results.resolve() in path.resolve().parents else results
            for video in find_videos(path, self.folder.pattern, without=without, unreadable=self._unreadable):
                if same_name(video) not in made and self._results.put(
                    video, into / video.relative_to(path).parent, marked=False
                ):
                    yield video

    def _unreadable(self, path: Path, error: InputError) -> None:
        """Records an unreadable path as a failed input, once for all scans of its folder."""
        if all(outcome.input != str(path) for outcome in self.outcomes):
            self.ended(path, FileOutcome.failed(str(path), "", error))

    def _tree_of(self, folder: Path) -> Path:
        """Returns the root of the tree of results for a folder."""
        name = folder.resolve().name
        if self.target is None:
            # Beside the folder; if it is a link, beside the link.
            return named(folder).with_name(f"{name}.{self.options.multiple}x")
        return self.target if len(self.given) == 1 else self.target / name

    def space_warning(self) -> str | None:
        """Returns a warning if the inputs together are larger than the free space for their results."""
        sizes: Counter[Path] = Counter()
        for path, output in self._results.outputs.items():
            if self.left_alone(path, output, look=False) is None and path.is_file() and not is_address(str(path)):
                sizes[output.parent if self.target is None else self.target] += path.stat().st_size
        for folder, size in sizes.items():
            free = free_space(folder / "any")
            if free is not None and size > free and self.options.duration is None:
                return (
                    f"{folder}: the disk may be too small: the inputs have {shown_bytes(size)} together, "
                    f"but {shown_bytes(free)} are free"
                )
        return None

    def run(self) -> list[FileOutcome]:
        """Boosts all files; with `watch`, until interrupted.

        Returns:
          The outcome of each file, in the order in which they ended.

        Raises:
          Interrupted: the run was interrupted, without `watch`.
        """
        jobs = max(1, self.folder.jobs)
        # A single job uses all devices; each of several jobs uses one at a time.
        devices = self.folder.devices if self.folder.devices and jobs > 1 else (self.options.device,)
        free: queue.SimpleQueue[str] = queue.SimpleQueue()
        for k in range(max(jobs, len(devices))):
            free.put(devices[k % len(devices)])
        with ThreadPoolExecutor(jobs) as pool:
            waiting: set[Future[None]] = set()
            try:
                for path in self._sources():
                    if len(waiting) >= jobs:
                        waiting = self._wait(waiting, FIRST_COMPLETED)
                    try:
                        target = self.output_of(path)
                    except InputError as error:
                        # The name of a file that was found later collides with another.
                        self.ended(path, FileOutcome.failed(str(path), "", error))
                        continue
                    waiting.add(pool.submit(self._boost, path, target, free))
                self._wait(waiting, ALL_COMPLETED)
            except (KeyboardInterrupt, Interrupted) as error:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                if not self.folder.watch:
                    done = sum(outcome.outcome == "done" for outcome in self.outcomes)
                    raise Interrupted(
                        f"{str(error) or 'interrupted'}; {done} of {len(self.files)} files are done"
                    ) from error
        return self.outcomes

    @staticmethod
    def _wait(futures: set[Future[None]], until: str) -> set[Future[None]]:
        """Waits for futures; returns the unfinished ones, and raises the error of a finished one."""
        ended, rest = wait_for(futures, until)
        for future in ended:
            future.result()
        return rest

    def _sources(self) -> Iterator[Path]:
        if not self.folder.watch:
            yield from self.files
            return
        watched, found = WatchedFiles(), self.files
        while True:
            for path in found:
                if is_address(str(path)) or is_pipe(path) or watched.complete(path):
                    yield path
                else:
                    # The next scan finds it again.
                    self._results.forget(path)
            time.sleep(self.folder.interval_s)
            found = list(self._found())

    def output_of(self, path: Path) -> Path:
        """Returns the path of the result of a file."""
        return self._results.output_of(path)

    def film_of(self, path: Path) -> Path | None:
        """Returns the path of the result if the default container's times are too coarse for the frame rate."""
        return self._results.film_of(path)

    def _model(self, asked: BoostOptions, device: str) -> LoadedNetwork:
        # A file that an earlier run has begun may need another engine or precision than the others.
        key = device, asked.engine, asked.provider, asked.precision
        with self._loading:
            if key not in self._models:
                model = self._models[key] = load(replace(asked, device=device))
                self._models[device, model.engine, model.provider or asked.provider, model.precision] = model
            return self._models[key]

    def _boost(self, path: Path, target: Path, free: queue.SimpleQueue[str]) -> None:
        """Boosts a file on a free device and records its outcome."""
        device = free.get()
        try:
            outcome = self._one(path, target, device)
        # An unexpected error fails this file only.
        except Exception as error:
            outcome = FileOutcome.failed(str(path), str(target), error)
        finally:
            free.put(device)
        self.ended(path, outcome)

    def ended(self, path: Path, outcome: FileOutcome) -> None:
        """Records the outcome of a file."""
        self.outcomes.append(outcome)
        self.report(path, outcome)

    def left_alone(self, path: Path, target: Path, *, look: bool = True) -> FileOutcome | str | None:
        """Decides whether a file is skipped; see `EarlierResults.left_alone`."""
        film = self.film_of(path) if target.suffix == ".gif" else None
        return self._earlier.left_alone(path, target, film, look=look)

    def _one(self, path: Path, target: Path, device: str) -> FileOutcome:
        found = self.left_alone(path, target)
        if isinstance(found, FileOutcome):
            return found
        make_folder(target.parent)
        result = run(
            str(path),
            os.fspath(target),
            # An incomplete output is replaced, but only after the new one is complete.
            self.options if found is None else replace(self.options, overwrite=True),
            lambda p: self.report(path, p),
            lambda asked: self._model(asked, device),
            self._stop,
            max(1, self.folder.jobs),
            self.film_of(path),
        )
        if found is not None:
            result = replace(result, warnings=[made_again(found), *result.warnings])
        return FileOutcome.done(str(path), result.output, result)
