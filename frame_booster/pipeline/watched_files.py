"""Files that come into watched folders: which of them are complete."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

from frame_booster import files

_REFUSED_S = 60.0
"""After so long, a file that is read but not written here is taken to be one that may only be read."""


class WatchedFiles:
    """Tells which files are complete: those of the same size and time as at the look before, and that may be opened.

    The clock is not asked: the times of files that are copied, or of another machine, may be before or after it. On
    Windows a file that is being copied has its last size from the beginning, and often its time, but cannot be opened.
    """

    def __init__(self) -> None:
        self._before: dict[Path, tuple[int, int]] = {}
        self._since: dict[Path, float] = {}
        """When each was first seen as it is."""

    def complete(self, path: Path) -> bool:
        """Looks at a file; False at the first look, while it changes or is written, and where it is gone."""
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
        """Tells whether no other program keeps a file from being opened."""
        try:
            with path.open("rb"):
                pass
        except PermissionError:
            # Elsewhere it is denied for good, which is told when the file's turn comes.
            return not files.WINDOWS
        except OSError:
            return False
        if not files.WINDOWS or not os.access(path, os.W_OK):
            return True
        # A program that writes a file often lets others read it, but not write.
        try:
            with path.open("r+b"):
                return True
        except OSError:
            # As on a disk on the network that may only be read, which is refused by the same error.
            return time.monotonic() - self._since[path] > _REFUSED_S
