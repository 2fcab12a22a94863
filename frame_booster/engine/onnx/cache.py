"""Graphs on disk: each is built when it is first needed, and found again by all that it was built from.

Nothing is ever downloaded. A file that is not what its name says is built again.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from frame_booster._version import __version__
from frame_booster.engine.files_on_disk import cache_folder, is_whole, replace_whole

KEPT = 48
"""Graphs that are kept, those used last; of FBNet-2, one has 12 MB."""


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
        if is_whole(path, path.with_suffix(".sha256")):
            # A folder that others have filled, and that cannot be written, serves as well.
            with suppress(OSError):
                os.utime(path)
            return path
        made = build()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_whole(path, made)
            replace_whole(path.with_suffix(".sha256"), hashlib.sha256(made).hexdigest().encode())
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
