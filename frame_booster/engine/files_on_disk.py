"""Files that programs of this user can make again: where they are kept, written whole, and known to be whole."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from frame_booster.process_end import at_process_end


def cache_folder() -> Path:
    """Returns where programs of this user keep what they can make again.

    `FRAME_BOOSTER_CACHE`, else a folder of that system: `$XDG_CACHE_HOME` or `~/.cache` (XDG Base Directory
    Specification), `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows. For a user without a home folder, as in
    some containers, a temporary one of this process.
    """
    asked = os.environ.get("FRAME_BOOSTER_CACHE")
    if asked:
        return Path(asked)
    try:
        return _folder_of_the_system() / "frame-booster"
    except RuntimeError:
        return _temporary_folder()


def _folder_of_the_system() -> Path:
    """Returns where programs of this user keep their caches; raises RuntimeError where there is no home folder."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base)


@functools.cache
def _temporary_folder() -> Path:
    """Returns a folder that is removed when the process ends: another user could write to one of a known name."""
    folder = Path(tempfile.mkdtemp(prefix="frame-booster-"))
    at_process_end(functools.partial(shutil.rmtree, folder, ignore_errors=True))
    return folder


def is_whole(path: Path, digest: Path | None = None) -> bool:
    """Tells whether a file is what was written: its SHA-256 is in `digest`, by default `NAME.sha256` beside it."""
    digest = digest or path.with_name(f"{path.name}.sha256")
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest().encode() == digest.read_bytes()
    except OSError:
        return False


def replace_whole(path: Path, content: bytes) -> None:
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
