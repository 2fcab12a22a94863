"""Progress on standard error: a bar on a terminal, a plain line now and then elsewhere, or lines of JSON."""

from __future__ import annotations

import sys
import threading
from collections.abc import MutableMapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

from frame_booster.cli.display import Display, live
from frame_booster.errors import printable
from frame_booster.pipeline.job import Progress
from frame_booster.pipeline.outcome import FileOutcome
from frame_booster.pipeline.stage_times import StageTimes

PLAIN_EVERY_S = 30.0
_JSON_EVERY_S = 0.5
_STAGES_EVERY_S = 2.0
"""How often the shares of stages in the bar are those of another stretch of time."""
_NAME = 24
"""Characters of a file's name in the bar, which is to have room."""
_WITH_TOTAL = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} frames, {fps} [{elapsed}<{remaining}]{postfix}"
_VERBOSE = "{desc}: {percentage:3.0f}% {n_fmt}/{total_fmt} frames, {fps} [{elapsed}<{remaining}]{postfix}"
"""As `_WITH_TOTAL`, with room for the stages instead of the bar itself."""
_WITHOUT_TOTAL = "{desc}: {n_fmt} frames, {fps} [{elapsed}]{postfix}"


class _Bar(tqdm):  # type: ignore[type-arg]
    """A bar that tells its speed in frames a second, however slow it is."""

    @property
    def format_dict(self) -> MutableMapping[str, Any]:
        """What the bar is made of, with `fps` beside the rest."""
        facts = dict(super().format_dict)
        elapsed, done = facts["elapsed"], facts["n"] - facts["initial"]
        rate = facts["rate"] or (done / elapsed if elapsed else 0.0)
        return {**facts, "fps": f"{rate:.2f} fps"}


class ProgressBar:
    """Shows the progress of one file; `update` may be called from any one thread.

    Args:
      file: the input, as it was given.
      display: in what form.
      position: line of the bar, where there are several.
    """

    def __init__(self, file: str, display: Display, position: int = 0) -> None:
        self._file, self._display, self._form, self.position = file, display, display.form, position
        self._name = "standard input" if file == "-" else printable(Path(file).name)
        self._bar: _Bar | None = None
        self._plain_at, self._json_at, self._stages_at = PLAIN_EVERY_S, 0.0, 0.0
        self._first: Progress | None = None
        self._before: tuple[float, StageTimes] = (0.0, StageTimes())

    def __enter__(self) -> ProgressBar:
        self._display.event("begin", file=self._file)
        return self

    def update(self, progress: Progress) -> None:
        """Shows that `progress.frames` frames are written."""
        if self._first is None:
            self._first = progress
        if self._form == "bar":
            self._draw(progress)
        elif self._form == "json" and (progress.seconds >= self._json_at or progress.frames == progress.total):
            self._json_at = progress.seconds + _JSON_EVERY_S
            fps, left = self._speed(progress)
            shares = self._shares(progress)
            facts = {"file": self._file, "frames": progress.frames, "total": progress.total}
            self._display.event("progress", **facts, fps=fps, eta_s=left, stages=shares)
        elif self._form == "plain" and progress.seconds >= self._plain_at:
            self._plain_at = progress.seconds + PLAIN_EVERY_S
            of = "" if progress.total is None else f" of {progress.total}"
            fps, left = self._speed(progress)
            eta = "" if left is None else f", {left:.0f} s left"
            busy = f"; {self._live(progress)}" if self._display.verbose else ""
            print(f"{self._name}: {progress.frames}{of} frames, {fps:.2f} fps{eta}{busy}", file=sys.stderr, flush=True)

    def _speed(self, progress: Progress) -> tuple[float, float | None]:
        """Returns frames a second since the first one, before which the network is loaded, and what time is left, s."""
        first = self._first or progress
        seconds, frames = progress.seconds - first.seconds, progress.frames - first.frames
        fps = frames / seconds if seconds > 0 else 0.0
        left = None if progress.total is None or not fps else max(progress.total - progress.frames, 0) / fps
        return round(fps, 3), None if left is None else round(left, 1)

    def _shares(self, progress: Progress) -> dict[str, float]:
        """Returns how busy the stages were since this was asked last."""
        seconds, stages = self._before
        self._before = progress.seconds, progress.stages
        return progress.stages.since(stages).shares(progress.seconds - seconds)

    def _live(self, progress: Progress) -> str:
        seconds, stages = self._before
        self._before = progress.seconds, progress.stages
        return live(progress.stages.since(stages), progress.seconds - seconds)

    def _draw(self, progress: Progress) -> None:
        if self._bar is None:
            self._bar = _Bar(
                total=progress.total,
                desc=self._name if len(self._name) <= _NAME else f"{self._name[: _NAME - 2]}..",
                file=sys.stderr,
                position=self.position,
                bar_format=_WITHOUT_TOTAL
                if progress.total is None
                else _VERBOSE
                if self._display.verbose
                else _WITH_TOTAL,
                dynamic_ncols=True,
            )
            # The time before the first frame is the network's loading, and says nothing of what is left.
            self._bar.initial = progress.frames
            self._bar.update(progress.frames)
            self._before = progress.seconds, progress.stages
            self._stages_at = progress.seconds + _STAGES_EVERY_S
            return
        if self._display.verbose and progress.seconds >= self._stages_at:
            self._stages_at = progress.seconds + _STAGES_EVERY_S
            self._bar.set_postfix_str(self._live(progress), refresh=False)
        self._bar.update(progress.frames - self._bar.n)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


class FolderProgress:
    """Shows one bar over all files of a folder and one for each file at work; callable from any thread."""

    def __init__(self, display: Display) -> None:
        self._display, self._form = display, display.form
        self._lock = threading.Lock()
        self._all: tqdm[Any] | None = None
        self._files: dict[Path, ProgressBar] = {}

    def begin(self, files: int) -> None:
        """Shows that there are so many files."""
        if self._form == "bar":
            self._all = tqdm(total=files or None, desc="files", unit="file", file=sys.stderr, position=0)

    def update(self, path: Path, news: Progress | FileOutcome) -> None:
        """Shows what is new of a file."""
        with self._lock:
            if isinstance(news, FileOutcome):
                bar = self._files.pop(path, None)
                if bar is not None:
                    bar.__exit__(None, None, None)
                self._display.warnings_as_events(news)
                self._display.ended(news)
                if self._all is not None:
                    self._all.update()
                elif self._form == "plain":
                    print(f"{printable(path)}: {news.outcome}", file=sys.stderr, flush=True)
                return
            if path not in self._files:
                self._files[path] = ProgressBar(str(path), self._display, self._free_line()).__enter__()
            self._files[path].update(news)

    def _free_line(self) -> int:
        """Returns the first line below the bar of all files that has no bar: files do not end in their order."""
        taken = {bar.position for bar in self._files.values()}
        return next(line for line in count(1) if line not in taken)

    def __enter__(self) -> FolderProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for bar in self._files.values():
            bar.__exit__(None, None, None)
        if self._all is not None:
            self._all.close()
