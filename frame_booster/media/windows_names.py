"""Names on Windows: those that no file can have, and those of pipes and of what takes anything.

Windows makes a hidden stream of a file `12` of the name `12:30.mkv`, a device of `NUL.mkv` and `film` of `film.`, so
that a result would be lost there without a word.
"""

from __future__ import annotations

import re

_CHARACTERS = re.compile(r'[<>:"|?*\x00-\x1f]')
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[1-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL)
_PIPE = re.compile(r"\\\\[^\\]+\\pipe\\.+", re.IGNORECASE | re.DOTALL)


def refusal(name: str) -> tuple[str, str] | None:
    """Returns why no file can have a name, and what to do instead; None where one can.

    Args:
      name: without folders and drive.
    """
    if found := _CHARACTERS.search(name):
        shown = found[0] if found[0].isprintable() else f"\\x{ord(found[0]):02x}"
        return f"Windows does not allow {shown} in a name", 'use a name without any of < > : " | ? *'
    if _RESERVED.fullmatch(name):
        return (
            "Windows reserves this name, with any suffix, for a device",
            "use another name; NUL alone discards the output",
        )
    if name.endswith((".", " ")) and name != "..":
        return "Windows does not allow a name that ends with a full stop or a space", "use another name"
    return None


def possible(name: str) -> str:
    """Returns a name that a file can have, the same one where it can."""
    name = _CHARACTERS.sub("_", name)
    if name.endswith((".", " ")) and name != "..":
        name = f"{name[:-1]}_"
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def is_discard(path: str) -> bool:
    r"""Tells whether a path is `NUL`, or `\\.\NUL`, where what is written is gone."""
    return path.rstrip("\\").upper() in ("NUL", r"\\.\NUL")


def is_named_pipe(path: str) -> bool:
    r"""Tells whether a path is that of a named pipe, `\\.\pipe\NAME`; a look at the pipe itself would connect to it."""
    return bool(_PIPE.fullmatch(path))
