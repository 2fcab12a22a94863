"""Detects which files in watched folders are complete."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

from frame_booster import files

_REFUSED_S = 60.0
"""After this time, in s, a file that can be opened only for reading counts as read-only instead of being written."""


class WatchedFiles:
    """Detects complete files: size and modification time are unchanged since the last scan, and they can be opened.

    Modification times are not compared with the clock: those of copied files, or from another machine, may be earlier
    or later. On Windows a file that is being copied has its final size from the start, and often its time, but cannot
    be opened.
    """

    def __init__(self) -> None:
        self._before: dict[Path, tuple[int, int]] = {}
        self._since: dict[Path, float] = {}
        """Time at which each file was first seen with its current size and modification time."""

    def complete(self, path: Path) -> bool:
        """Checks a file; returns False at the first check, while it changes or is being written, and if it is gone."""
        try:
            fact = path.stat()
        except OSError:
            self._before.pop(path, None)
            return False
        now = fact.st_size, fact.st_mtime_ns
        if self._before.get(path) != now:
            self._before[path], self._since[path] = now, time.monotonic()
            return False
        return not stat.S_ISREG(fact.st_mode) or self._is_free(path)

    def _is_free(self, path: Path) -> bool:
        """Returns whether a file can be opened, so that no other program is writing it."""
        try:
            with path.open("rb"):
                pass
        except PermissionError:
            # On other systems access stays denied, which the run of this file reports.
            return not files.WINDOWS
        except OSError:
            return False
        if not files.WINDOWS or not os.access(path, os.W_OK):
            return True
        # A program that writes a file often allows others to read it, but not to write.
        try:
            with path.open("r+b"):
                return True
        except OSError:
            # A read-only network disk raises the same error.
            return time.monotonic() - self._since[path] > _REFUSED_S
