"""Graphs on disk: each is built when it is first needed, and found again by all that it was built from.

Nothing is ever downloaded. A file that is not what its name says is built again.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from frame_booster._version import __version__

KEPT = 48
"""Graphs that are kept, those used last; of FBNet-2, one has 12 MB."""


def cache_folder() -> Path:
    """Returns where programs of this user keep what they can make again.

    `FRAME_BOOSTER_CACHE`, else a folder of that system: `$XDG_CACHE_HOME` or `~/.cache` (XDG Base Directory
    Specification), `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
    """
    asked = os.environ.get("FRAME_BOOSTER_CACHE")
    if asked:
        return Path(asked)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "frame-booster"


class GraphCache:
    """The graphs of one weights file.

    Args:
      weights: the file; its content is part of every name, so that other weights never meet an old graph.
      folder: where graphs are kept; made if needed.
    """

    def __init__(self, weights: Path, folder: Path | None = None) -> None:
        self.folder = (folder or cache_folder()) / "graphs"
        self._weights = hashlib.sha256(weights.read_bytes()).hexdigest()

    def path(self, *facts: object) -> Path:
        """Returns where the graph with these facts, all that it is built by, is kept."""
        text = "\n".join([__version__, _builders(), self._weights, *map(repr, facts)])
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:40]}.onnx"

    def graph(self, build: Callable[[], bytes], *facts: object) -> Path | bytes:
        """Returns the file of a graph, which is built if it is not there, or not whole.

        Where the folder cannot be written, or the disk is full, the graph itself: a cache is no reason to fail.
        """
        path = self.path(*facts)
        if _is_whole(path):
            # A folder that others have filled, and that cannot be written, serves as well.
            with suppress(OSError):
                os.utime(path)
            return path
        made = build()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, made)
            _replace(path.with_suffix(".sha256"), hashlib.sha256(made).hexdigest().encode())
        except OSError:
            return made
        self._forget()
        return path

    def _forget(self) -> None:
        """Removes all but the graphs used last. Another process may do the same, or have one open (Windows)."""
        graphs = []
        for path in self.folder.glob("*.onnx"):
            try:
                graphs.append((path.stat().st_mtime, path))
            except OSError:
                continue
        for _, path in sorted(graphs, reverse=True)[KEPT:]:
            for each in (path, path.with_suffix(".sha256")):
                try:
                    each.unlink(missing_ok=True)
                except OSError:
                    continue


@functools.cache
def _builders() -> str:
    """Returns a hash of the code that builds graphs, so that none outlives a change of it."""
    package = Path(__file__).resolve().parents[2]
    files = [*sorted((package / "network" / "onnx_graphs").glob("*.py")), *sorted(Path(__file__).parent.glob("*.py"))]
    files += [package / "engine" / "code_values.py", *sorted((package / "network").glob("*/sizes.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files if file.is_file())).hexdigest()


def _is_whole(path: Path) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == path.with_suffix(".sha256").read_text()
    except OSError:
        return False


def _replace(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, beside other threads and processes that write the same."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        partial.write_bytes(content)
        try:
            partial.replace(path)
        except PermissionError:
            # On Windows a file that another process has open cannot be replaced; it has the same content.
            if not path.is_file():
                raise
    finally:
        partial.unlink(missing_ok=True)
