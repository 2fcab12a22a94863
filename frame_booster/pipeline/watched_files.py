"""Files that come into watched folders: which of them are complete."""

from __future__ import annotations

from pathlib import Path


class WatchedFiles:
    """Tells which files are complete: those of the same size and time as at the look before.

    The clock is not asked: the times of files that are copied, or of another machine, may be before or after it.
    """

    def __init__(self) -> None:
        self._before: dict[Path, tuple[int, int]] = {}

    def complete(self, path: Path) -> bool:
        """Looks at a file; False at the first look, while it changes, and where it is gone."""
        try:
            fact = path.stat()
        except OSError:
            self._before.pop(path, None)
            return False
        now = fact.st_size, fact.st_mtime_ns
        same = self._before.get(path) == now
        self._before[path] = now
        return same
