"""Progress on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from tqdm import tqdm

from frame_booster.pipeline.boost import Progress

PLAIN_EVERY_S = 30.0


class ProgressBar:
    """Shows the progress of one file; `update` may be called from any one thread.

    Args:
      name: of the file.
      quiet: show nothing.
    """

    def __init__(self, name: str, *, quiet: bool) -> None:
        self._name, self._quiet = name, quiet
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
                self._bar = tqdm(total=progress.total, desc=self._name, unit="frame", file=sys.stderr)
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
