"""Inputs of a command line, in order: files, folders, shell patterns (`*.mkv`) and lists (`@list.txt`).

A shell does not expand a pattern in quotes, and the shells of Windows expand none, so patterns are expanded here. Only
inputs are expanded, not values of options, and an existing file with brackets in its name is not a pattern.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from frame_booster.errors import FrameBoosterError, InputError
from frame_booster.media.paths import PICTURES, VIDEOS, check_input, input_path, is_pattern, same_name
from frame_booster.media.remote_path import is_address
from frame_booster.text_files import line_of, read_text


@dataclass(frozen=True)
class Given:
    """One input."""

    text: str
    """Name of the input, as for `boost.run`."""
    below: Path = Path()
    """Subfolder of the output folder for the result."""
    where: str = ""
    """Place where the input was named, for messages, such as `list.txt, line 3`; empty for the command line."""
    alone: bool = True
    """Whether the input was named by itself, not by a pattern or in a list."""


def given_inputs(arguments: Sequence[str]) -> list[Given]:
    """Returns the inputs named by the arguments of a command, each once.

    Raises:
      InputError: a list cannot be read, a pattern matches nothing, or there are several inputs and one of them does not
        exist or is standard input.
    """
    found = [given for text in arguments for given in _named(text)]
    by_name: dict[str, Given] = {}
    for given in found:
        by_name.setdefault(same_name(given.text), given)
    once = list(by_name.values())
    for given in once:
        with _told_where(given.where):
            check_input(given.text)
            if given.alone and len(once) == 1:
                continue
            _check_among_others(given, len(arguments))
    return once


@contextmanager
def _told_where(where: str) -> Iterator[None]:
    """Context that adds the line of a list to errors about an input named there; `where` may be empty."""
    try:
        yield
    except FrameBoosterError as error:
        if not where:
            raise
        about = "" if error.path is None else f"{error.path}: "
        raise InputError(f"{about}{error.message}", path=where, hint=error.hint) from error


def _check_among_others(given: Given, arguments: int) -> None:
    if given.text == "-":
        raise InputError("standard input must be the only input", hint="process it in a separate command")
    path = input_path(given.text)
    if not is_address(given.text) and not path.exists() and not is_pattern(path):
        hint = "for an output, use -o" if arguments == 2 and not given.where else None
        raise InputError("no such file", path=path, hint=hint)


def _named(text: str) -> Iterator[Given]:
    """Yields the inputs named by an argument; an existing file is never taken for a list or a pattern."""
    path = Path(text)
    if text == "-" or is_address(text) or _exists(path):
        yield Given(text)
    elif text.startswith("@") and len(text) > 1:
        yield from _listed(Path(text[1:]))
    elif glob.has_magic(text):
        yield from _matched(text)
    else:
        yield Given(text)


def _exists(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):
        return False


def _matched(text: str, folder: Path | None = None) -> list[Given]:
    """Returns the files that match a pattern, sorted; for a pattern that ends with a slash, the folders.

    The result of a file keeps its folder relative to the fixed part of the pattern.

    Args:
      text: the pattern.
      folder: folder of the search, None for the current one; its name may contain brackets.

    Raises:
      InputError: no file matches, or only images do.
    """
    begin, fixed = ("", Path()) if folder is None else (os.path.join(glob.escape(str(folder)), ""), folder)  # noqa: PTH118
    names = sorted(glob.glob(f"{begin}{text}", recursive=True))  # noqa: PTH207  (of any folder, as it is written)
    if text.endswith(("/", os.sep)):
        files = [name for name in names if Path(name).is_dir()]
    else:
        files = [name for name in names if Path(name).is_file()]
        if "." not in Path(text).name:
            files = [name for name in files if Path(name).suffix.lower() in VIDEOS]
    if not files:
        raise InputError("matches no file", path=text, hint="'**' matches folders of any depth; quote the pattern")
    if all(Path(name).suffix.lower() in PICTURES for name in files):
        raise InputError(
            "matches images, each of which would be a separate input",
            path=text,
            hint="give their folder, or a pattern such as %05d.png",
        )
    fixed = fixed.joinpath(*_fixed(Path(text)))
    return [Given(name, Path(name).parent.relative_to(fixed), alone=False) for name in files]


def _fixed(pattern: Path) -> list[str]:
    """Returns the folders at the start of a pattern that contain no wildcards."""
    fixed = []
    for part in pattern.parent.parts:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return fixed


def _listed(path: Path) -> Iterator[Given]:
    """Yields the inputs of a list: one per line, relative to the list's folder; lines that start with `#` are comments.

    Raises:
      InputError: the list cannot be read, names no input, or has an invalid line, whose number is in the message.
    """
    try:
        lines = read_text(path).split("\n")
    except UnicodeDecodeError as error:
        where = f"{path}, line {line_of(error)}"
        raise InputError("is neither UTF-8 nor UTF-16 with a BOM", path=where, hint="save the list as UTF-8") from error
    except FileNotFoundError as error:
        raise InputError(
            "no such list",
            path=path,
            hint='"@FILE" is a list with one input per line; for a file with an @, use ./@FILE',
        ) from error
    except OSError as error:
        raise InputError(f"the list cannot be read: {error.strerror}", path=path) from error
    none = True
    for number, line in enumerate(lines, 1):
        where = f"{path}, line {number}"
        try:
            text = _unquoted(line.strip())
        except ValueError as error:
            raise InputError(str(error), path=where) from error
        if not text:
            continue
        none = False
        with _told_where(where):
            if text == "-":
                raise InputError("standard input cannot be in a list")
            if text.startswith("@") and not _exists(path.parent / text):
                raise InputError("a list cannot name another list", hint="give both lists on the command line")
            here = text if is_address(text) else os.path.join(path.parent, text)  # noqa: PTH118  (keeps a slash)
            # Brackets in the name of the list's folder are not a pattern.
            found = (
                list(_named(here)) if not glob.has_magic(text) or _exists(Path(here)) else _matched(text, path.parent)
            )
        yield from (replace(given, where=where, alone=False) for given in found)
    if none:
        raise InputError("the list contains no input", path=path)


def _unquoted(line: str) -> str:
    """Returns the input named by a line of a list, without quotes; an empty text for a comment.

    Raises:
      ValueError: a quotation does not end, or is not the whole line.
    """
    if line.startswith("#"):
        return ""
    quote = line[:1]
    if quote not in ("'", '"'):
        return line
    if len(line) < 2 or not line.endswith(quote) or quote in line[1:-1]:
        raise ValueError(f"a name in quotes must be the whole line and end with {quote}")
    return line[1:-1]
