"""Inputs of a command line: files, folders, patterns of the shell (`*.mkv`) and lists (`@list.txt`), in its order.

A shell leaves a pattern in quotes alone, and those of Windows leave all of them, so that they are looked up here:
as inputs only, by which the value of an option and a name with brackets stay as they are.
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
    """Its name, as `boost.run` takes it."""
    below: Path = Path()
    """Folder, below that of the outputs, for its result."""
    where: str = ""
    """Where it was named, for messages, as `list.txt, line 3`; empty for the command line."""
    alone: bool = True
    """Whether it was named by itself, and not with others by a pattern or in a list."""


def given_inputs(arguments: Sequence[str]) -> list[Given]:
    """Returns the inputs that the arguments of a command name; one that is named twice is there once.

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
    """Puts the line of a list, if any, before the message of an error about an input that it names."""
    try:
        yield
    except FrameBoosterError as error:
        if not where:
            raise
        about = "" if error.path is None else f"{error.path}: "
        raise InputError(f"{about}{error.message}", path=where, hint=error.hint) from error


def _check_among_others(given: Given, arguments: int) -> None:
    if given.text == "-":
        raise InputError("standard input can only be the sole input", hint="boost it by a command of its own")
    path = input_path(given.text)
    if not is_address(given.text) and not path.exists() and not is_pattern(path):
        hint = "the output is named by -o" if arguments == 2 and not given.where else None
        raise InputError("no such file", path=path, hint=hint)


def _named(text: str) -> Iterator[Given]:
    """Yields what one argument names; a file that is really called like a list or a pattern is that file."""
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
    """Returns the files that a pattern matches, sorted; folders only where it ends with a slash.

    Each result goes into the folder that its file has below the part of the pattern that is no pattern.

    Args:
      text: the pattern.
      folder: where it is looked up, if not in the current one; it may have brackets in its name.
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
        raise InputError("matches no file", path=text, hint="of '**', folders of any depth; put it in quotes")
    if all(Path(name).suffix.lower() in PICTURES for name in files):
        raise InputError(
            "matches pictures, each of which would be an input", path=text, hint="give their folder, or as %05d.png"
        )
    fixed = fixed.joinpath(*_fixed(Path(text)))
    return [Given(name, Path(name).parent.relative_to(fixed), alone=False) for name in files]


def _fixed(pattern: Path) -> list[str]:
    """Returns the folders of a pattern before the first that is one itself."""
    fixed = []
    for part in pattern.parent.parts:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return fixed


def _listed(path: Path) -> Iterator[Given]:
    """Yields the inputs of a list: one a line, as seen from its folder; `#` begins a comment.

    Raises:
      InputError: the list cannot be read, or one of its lines; the message has the line's number.
    """
    try:
        lines = read_text(path).split("\n")
    except UnicodeDecodeError as error:
        where = f"{path}, line {line_of(error)}"
        raise InputError("is neither UTF-8 nor UTF-16 with a BOM", path=where, hint="save the list as UTF-8") from error
    except FileNotFoundError as error:
        raise InputError(
            "no such list", path=path, hint='"@FILE" has an input a line; a file called so is ./@FILE'
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
                raise InputError("a list cannot name another list", hint="give both on the command line")
            here = text if is_address(text) else os.path.join(path.parent, text)  # noqa: PTH118  (keeps a slash)
            # A folder may have brackets in its name, and must not be taken for a pattern.
            found = (
                list(_named(here)) if not glob.has_magic(text) or _exists(Path(here)) else _matched(text, path.parent)
            )
        yield from (replace(given, where=where, alone=False) for given in found)
    if none:
        raise InputError("the list names no input", path=path)


def _unquoted(line: str) -> str:
    """Returns what a line of a list names; nothing of a comment.

    Raises:
      ValueError: a quotation does not end, or is not all of the line.
    """
    if line.startswith("#"):
        return ""
    quote = line[:1]
    if quote not in ("'", '"'):
        return line
    if len(line) < 2 or not line.endswith(quote) or quote in line[1:-1]:
        raise ValueError(f"a name in quotes must be all of the line, and end with {quote}")
    return line[1:-1]
