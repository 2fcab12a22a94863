"""Files that programs of this user can make again: where they are kept, written whole, and known to be whole."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from pathlib import Path


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


def is_whole(path: Path, digest: Path | None = None) -> bool:
    """Tells whether a file is what was written: its SHA-256 is in `digest`, by default `NAME.sha256` beside it."""
    digest = digest or path.with_name(f"{path.name}.sha256")
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest.read_text()
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
