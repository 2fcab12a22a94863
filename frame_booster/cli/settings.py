"""The configuration file: its place, and the profiles in it, one table of options each."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError, OutputError
from frame_booster.files import atomic
from frame_booster.text_files import read_text

DEFAULT_PROFILE = "default"
"""The profile that every run takes, unless told otherwise."""
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def config_file() -> Path:
    """Returns where the configuration file of this user is, or would be.

    `$XDG_CONFIG_HOME`, else `~/.config` (XDG Base Directory Specification), `~/Library/Application Support` on macOS,
    `%APPDATA%` on Windows; in there `frame-booster/config.toml`.

    Raises:
      InputError: the user has no home folder, as in some containers.
    """
    base = os.environ.get("XDG_CONFIG_HOME")
    try:
        if not base and sys.platform == "win32":
            base = os.environ.get("APPDATA") or str(Path.home() / "AppData" / "Roaming")
        elif not base and sys.platform == "darwin":
            base = str(Path.home() / "Library" / "Application Support")
        return Path(base or Path.home() / ".config") / "frame-booster" / "config.toml"
    except RuntimeError as error:
        raise InputError(
            "this user has no home folder, which would hold the profiles", hint="set HOME or XDG_CONFIG_HOME"
        ) from error


def read_profiles(path: Path) -> dict[str, dict[str, Any]]:
    """Returns the profiles of a configuration file by name; none where there is no file.

    Raises:
      InputError: it cannot be read, is not TOML, or has something beside tables of options.
    """
    if not _is_there(path):
        return {}
    profiles = _document(path).unwrap()
    for name, table in profiles.items():
        if not isinstance(table, dict):
            raise InputError(f"{name} is outside of any profile", path=path, hint=f"move it below [{DEFAULT_PROFILE}]")
    return profiles


def save_profile(path: Path, name: str, options: Mapping[str, Any]) -> None:
    """Writes a profile into a configuration file, which is replaced as a whole; all else in it stays, with comments.

    Args:
      path: of the file; it and its folder are made if needed. A link stays one.
      name: of the profile; one of that name is replaced.
      options: by their long names: true, numbers, text, or lists of text.

    Raises:
      InputError: the name is not one, or the file that is there cannot be read.
      OutputError: the file cannot be written.
    """
    import tomlkit

    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot name a profile", hint="use letters, digits, - and _")
    document = _document(path) if _is_there(path) else tomlkit.document()
    table = tomlkit.table()
    for key, value in options.items():
        table.add(key, value)
    # A table after others begins after an empty line, as people write it.
    if name not in document and len(document):
        document.add(tomlkit.nl())
    document[name] = table
    try:
        real = path.resolve()
        real.parent.mkdir(parents=True, exist_ok=True)
        with atomic(real, durable=True) as partial:
            partial.write_text(tomlkit.dumps(document), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=path) from error


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        hint = "set HOME or XDG_CONFIG_HOME to a folder that you can read, or use --no-profile"
        raise InputError(f"cannot be accessed: {error.strerror}", path=path, hint=hint) from error


def _document(path: Path) -> Any:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(read_text(path))
    except TOMLKitError as error:
        raise InputError(f"is not valid TOML: {error}", path=path) from error
    except UnicodeDecodeError as error:
        raise InputError("is neither UTF-8 nor UTF-16 with a BOM", path=path, hint="save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
