"""Files that are written whole or not at all.

Readers, and a run that is started again after a crash, must never find half a file under its final name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_ROOM = [getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)]


@contextmanager
def atomic(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Gives a path beside `path` to write to; renames it to `path` on success, removes it on failure.

    The name is `path` with ".partial" appended, so one that a killed process left is overwritten by the next.

    Args:
      path: of the finished file; replaced if it exists, unchanged on failure.
      durable: the file and its name are on the disk when the block ends, so that a power cut loses neither the new
        file nor the one that it replaces. Costs a wait for the disk.

    Raises:
      OSError: the file cannot be written or renamed; where there is no room for it, it says `path`.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        yield partial
        if durable:
            # Writable, because Windows flushes no other.
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        # A write that finds no room says not of which file.
        if isinstance(error, OSError) and error.filename is None and error.errno in _NO_ROOM:
            error.filename = str(path)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk; Windows opens no folders and has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
