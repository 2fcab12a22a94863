"""Progress on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

from frame_booster.pipeline.folder import FileOutcome
from frame_booster.pipeline.job import Progress

PLAIN_EVERY_S = 30.0


class ProgressBar:
    """Shows the progress of one file; `update` may be called from any one thread.

    Args:
      name: of the file.
      quiet: show nothing.
      position: line of the bar, where there are several.
    """

    def __init__(self, name: str, *, quiet: bool, position: int = 0) -> None:
        self._name, self._quiet, self._position = name, quiet, position
        self._bar: tqdm[Any] | None = None
        self._plain_at = PLAIN_EVERY_S

    def __enter__(self) -> ProgressBar:
        return self

    def update(self, progress: Progress) -> None:
        """Shows that `progress.frames` frames are written."""
        if self._quiet:
            return
        if sys.stderr.isatty():
            if self._bar is None:
                self._bar = tqdm(
                    total=progress.total, desc=self._name, unit="frame", file=sys.stderr, position=self._position
                )
            self._bar.update(progress.frames - self._bar.n)
        elif progress.seconds >= self._plain_at:
            self._plain_at = progress.seconds + PLAIN_EVERY_S
            of = "" if progress.total is None else f" of {progress.total}"
            rate = progress.frames / progress.seconds
            print(f"{self._name}: {progress.frames}{of} frames, {rate:.2f} fps", file=sys.stderr, flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


class FolderProgress:
    """Shows one bar over all files of a folder and one for each file at work; callable from any thread."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._lock = threading.Lock()
        self._all: tqdm[Any] | None = None
        self._files: dict[Path, ProgressBar] = {}

    def begin(self, files: int) -> None:
        """Shows that there are so many files."""
        if not self._quiet and sys.stderr.isatty():
            self._all = tqdm(total=files or None, desc="files", unit="file", file=sys.stderr, position=0)

    def update(self, path: Path, news: Progress | FileOutcome) -> None:
        """Shows what is new of a file."""
        if self._quiet:
            return
        with self._lock:
            if isinstance(news, FileOutcome):
                bar = self._files.pop(path, None)
                if bar is not None:
                    bar.__exit__(None, None, None)
                if self._all is not None:
                    self._all.update()
                else:
                    print(f"{path}: {news.outcome}", file=sys.stderr, flush=True)
                return
            if path not in self._files:
                self._files[path] = ProgressBar(path.name, quiet=False, position=1 + len(self._files))
            self._files[path].update(news)

    def __enter__(self) -> FolderProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for bar in self._files.values():
            bar.__exit__(None, None, None)
        if self._all is not None:
            self._all.close()
