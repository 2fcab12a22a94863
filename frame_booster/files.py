"""Files that are written whole or not at all, whatever else has them open.

Readers, and a run that is started again after a crash, must never find half a file under its final name.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

WINDOWS = os.name == "nt"
"""Whether the system is Windows, where a file that a program has open can often not be renamed, replaced or removed."""
_PATIENCE_S = 10.0
"""How long what Windows refuses is tried again: virus scanners and indexers let go of a new file in this time."""
_LOOK_S = 0.1
_P = ParamSpec("_P")
_R = TypeVar("_R")
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
            retried(flush, partial)
        retried(partial.replace, path)
    except BaseException as error:
        # Where Windows refuses that, too, the error under way says why, and the next call writes over it.
        with suppress(PermissionError):
            partial.unlink(missing_ok=True)
        # A write that finds no room says not of which file.
        if isinstance(error, OSError) and error.filename is None and error.errno in _NO_ROOM:
            error.filename = str(path)
        raise
    if durable:
        sync_folder(path.parent)


def retried(call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Calls what renames, opens or removes a file, on Windows again for some seconds while permission is denied.

    There another program that has the file open, a virus scanner say, is the usual reason. Elsewhere it is none.

    Raises:
      PermissionError: it is refused all the same.
    """
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return call(*args, **kwargs)
        except PermissionError:
            if not WINDOWS or time.monotonic() >= until:
                raise
        time.sleep(_LOOK_S)


def flush(path: Path) -> None:
    """Waits until the content of a file is on the disk."""
    # Writable, because Windows flushes no other.
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk; Windows opens no folders and has no such call."""
    if WINDOWS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
