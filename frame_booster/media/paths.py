"""Paths: what the name of an input or an output says, and the default path of a result."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Any

from frame_booster import files
from frame_booster.errors import InputError
from frame_booster.media.remote_path import RemotePath, is_address
from frame_booster.media.windows_names import is_discard, is_named_pipe, refusal

PIPE = Path("-")
"""Stands for standard input or output."""
VIDEOS = frozenset({".mp4", ".mkv", ".mov", ".m4v", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg"}) | frozenset(
    {".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".mxf", ".nut", ".y4m", ".vob", ".gif", ".apng", ".dv"}
)
"""Suffixes of what is taken for a video where no pattern is given."""
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".dpx", ".ppm", ".pgm", ".exr", ".jxl"}) | {
    *(".webp", ".avif")
}
"""Suffixes of still pictures."""
_BESIDE_PICTURES = frozenset({".txt", ".json", ".csv"})
_OF_THE_SYSTEM = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
"""Names of files that Windows and macOS put into folders; others of theirs are hidden ones."""
_CLOSED_FOLDERS = frozenset({"lost+found", "System Volume Information", "$RECYCLE.BIN"})
"""Folders that systems make at the top of a disk, and that only they may read."""
KEPT_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".m4v", ".webm", ".gif", ".apng", ".nut", ".ts", ".m2ts", ".mts"})
"""Of inputs whose outputs have the same, since they hold all of it; others become .mkv."""
_LONGEST_NAME = 255
"""Length of the longest name in nearly all file systems: bytes, but on Windows units of UTF-16."""
_EMPTY = "check that the shell variable is set; for the current folder, use a dot"
DEFAULT_PATTERN = "%06d.png"
_NUMBER = re.compile(r"%0?(\d*)d")
Unreadable = Callable[[Path, InputError], None]
"""Told of what cannot be looked at, and why."""
_DESCRIPTOR = re.compile(r"/dev/fd/(\d+)|/proc/(?:self|\d+)/fd/(\d+)")


def url(path: Path) -> str:
    """Returns a path as FFmpeg takes any: a relative one as `12:30.mkv` would be of a protocol named 12."""
    return str(path.absolute())


def readable(path: Path) -> Any:
    """Returns an input as PyAV takes it: its name, or what reads it over a network."""
    return path.open("rb") if isinstance(path, RemotePath) else url(path)


def input_path(text: str) -> Path:
    """Returns the path of an input, which may be given by address.

    Raises:
      InputError: the name is empty, or an address cannot be read here.
    """
    if not text:
        # As a path it would be the current folder: all videos in it, where a script's variable was not set.
        raise InputError("the name of an input is empty", hint=_EMPTY)
    return RemotePath.of(text) if is_address(text) else Path(text)


def output_path(text: str) -> Path:
    """Returns the path of an output; `PIPE` for any name of standard output, as /dev/stdout.

    Raises:
      InputError: its name is empty, too long, or one that Windows gives no file.
    """
    if not text:
        raise InputError("the name of the output is empty", hint=_EMPTY)
    path = Path(text)
    check_length(path)
    check_name(path)
    return PIPE if text == "-" or _descriptor(path) == 1 else path


def output_url(path: Path) -> str:
    """Returns where FFmpeg is to write; what a shell has opened, /dev/fd/63, is not opened anew."""
    if files.WINDOWS and is_discard(str(path)):
        # With a folder before it, Windows 11 takes it for a file.
        return "NUL"
    descriptor = 1 if path == PIPE else _descriptor(path)
    return url(path) if descriptor is None else f"pipe:{descriptor}"


def same_name(name: str | Path) -> str:
    """Returns a name as it is compared with others: an absolute path without `..`, links not followed.

    On Windows it is in small letters, since names that differ in case alone lead to one file: it is never shown, and
    no file is opened by it. Addresses, and `-`, are themselves.
    """
    text = str(name)
    # Path.resolve would follow links, by which one video may be there under two names.
    return text if text == "-" or is_address(text) else os.path.normcase(os.path.abspath(text))  # noqa: PTH100


def is_pipe(path: Path) -> bool:
    """Tells whether a path is standard input or output, a named pipe, or a device such as /dev/null or NUL.

    What is written there is gone, so it cannot be read back or renamed.
    """
    if path == PIPE or _is_pipe_of_windows(path) or _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _is_pipe_of_windows(path: Path) -> bool:
    """Tells whether a path is, by its name alone, a pipe of Windows or its NUL."""
    return files.WINDOWS and (is_discard(str(path)) or is_named_pipe(str(path)))


def _descriptor(path: Path) -> int | None:
    """Returns the number of the file that is open already under a path; None if it is no such path."""
    if files.WINDOWS:
        # It has no such paths, and a look at a named pipe would connect to it.
        return None
    places = [path.absolute()]
    if path.is_symlink():
        places.append(path.parent / path.readlink())
    found = next((match for place in places if (match := _DESCRIPTOR.fullmatch(str(place)))), None)
    return None if found is None else int(found[1] or found[2])


def is_pattern(path: Path) -> bool:
    """Tells whether a path is a pattern of numbered pictures, as `%05d.png`; `50%d.mp4` is a video of that name."""
    return bool(_NUMBER.search(path.name)) and path.suffix.lower() not in {"", *VIDEOS} and not path.is_dir()


def sequence_name(path: Path) -> str:
    """Returns what a pattern's pictures are called before their number, as `shot` of `shot_%04d.png`."""
    return split_pattern(path.name)[0].rstrip("._- ")


def is_picture_folder(path: Path) -> bool:
    """Tells whether a path is a folder that holds pictures, and nothing that could be a video.

    Raises:
      InputError: it cannot be read.
    """
    try:
        if not path.is_dir():
            return False
        files = [p for p in path.iterdir() if not p.name.startswith(".") and p.is_file()]
    except OSError as error:
        raise _cannot_be_read(path, error) from error
    suffixes = {p.suffix.lower() for p in files if p.name.lower() not in _OF_THE_SYSTEM}
    return bool(suffixes & PICTURES) and not suffixes - PICTURES - _BESIDE_PICTURES


def numbered_name(pattern: str, number: int) -> str:
    """Returns the name of a picture of a sequence, `00012.png` of `%05d.png`."""
    return _NUMBER.sub(lambda match: match[0] % number, pattern, count=1)


def split_pattern(name: str) -> tuple[str, str]:
    """Returns what stands before and after the number of a pattern."""
    match = _NUMBER.search(name)
    assert match is not None
    return name[: match.start()], name[match.end() :]


def result_suffix(path: Path) -> str:
    """Returns the suffix of a result that holds all that a video does: its own, or `.mkv`."""
    return path.suffix if path.suffix.lower() in KEPT_SUFFIXES else ".mkv"


def shortened(stem: str, rest: str) -> str:
    """Returns the name `stem` + `rest`, with so much of the stem that a file system takes it."""
    while stem and _length(stem + rest) > _LONGEST_NAME:
        stem = stem[:-1]
    return stem + rest


def _length(name: str) -> int:
    """Returns the length of a name as file systems count it: in bytes, and those of Windows in units of UTF-16."""
    return len(name.encode("utf-16-le", "surrogatepass")) // 2 if files.WINDOWS else len(os.fsencode(name))


def hidden_beside(target: Path, ending: str) -> Path:
    """Returns a hidden path in the folder of a target, named after it: `.film` + ending for `film.mp4`."""
    return target.with_name(shortened(f".{target.stem[:40]}", ending))


def check_input(text: str) -> None:
    """Checks that the name of an input is one that a file can have, or an address that can be read.

    Raises:
      InputError: it is neither, or the system does not let its file be looked at.
    """
    path = input_path(text)
    if isinstance(path, RemotePath) or path == PIPE:
        return
    try:
        path.stat()
    except OSError as error:
        check_length(path)
        # One that is not there may be a pattern of pictures, or is told of where it is opened.
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise _cannot_be_read(path, error) from error
    except ValueError as error:
        raise InputError("cannot be the name of a file", path=repr(text)) from error


def check_length(path: Path) -> None:
    """Raises InputError where a name is longer than file systems take."""
    if _length(path.name) > _LONGEST_NAME:
        units = "UTF-16 code units" if files.WINDOWS else "bytes"
        raise InputError(f"its name is longer than {_LONGEST_NAME} {units}", path=path, hint="use a shorter name")


def check_name(path: Path) -> None:
    """Raises InputError where Windows gives no file the name of a path, or makes another name of it."""
    # A drive, as C:, is no part of the name.
    refused = refusal(PureWindowsPath(path).name) if files.WINDOWS and not _is_pipe_of_windows(path) else None
    if refused is not None:
        message, hint = refused
        raise InputError(message, path=path, hint=hint)


def named(path: Path) -> Path:
    """Returns a path that ends in a name: `.` and `..` have none, and are given by that of the folder they lead to.

    Raises:
      InputError: it is the top of a disk, beside which nothing lies.
    """
    if path.name not in ("", ".."):
        return path
    real = path.resolve()
    if not real.name:
        raise InputError("has no name from which to derive that of the output", path=path, hint="use -o")
    return real


def default_output(path: Path, factor: int | str) -> Path:
    """Returns the default path of a result: `input.2x.mp4` beside `input.mp4`; a pipe's is a pipe.

    It has the suffix of the input, or `.mkv`; a result of pictures is an `.mp4`. A sequence without a name of its own,
    `frames/%05d.png`, has that of its folder, and its result lies beside that.

    Raises:
      InputError: it is the top of a disk.
    """
    if path == PIPE:
        return PIPE
    path = named(path)
    if is_pattern(path) and not path.exists():
        name, folder = sequence_name(path), path.parent.absolute()
        if name:
            return path.with_name(f"{name}.{factor}x.mp4")
        return folder.parent / f"{folder.name or 'frames'}.{factor}x.mp4"
    suffix = ".mp4" if path.is_dir() or not (path.suffix or path.is_file()) else result_suffix(path)
    return path.with_name(shortened(path.stem, f".{factor}x{suffix}"))


def find_videos(
    folder: Path, pattern: str | None, *, without: Path | None = None, unreadable: Unreadable | None = None
) -> list[Path]:
    """Returns the videos below a folder, sorted; hidden files and what lies below `without` left out.

    By whatever name: one of both may be given through a link, or with `..` in it.

    Args:
      folder: where to look.
      pattern: of the names; None is any video.
      without: folder that is left out.
      unreadable: told of each folder or file that cannot be looked at; without it the first one is raised.

    Raises:
      InputError: something cannot be looked at, and there is no `unreadable`.
    """

    def told(error: OSError) -> None:
        # rglob would leave it out in silence, and with it all that is in it.
        path = Path(error.filename or folder)
        gone = isinstance(error, FileNotFoundError) and path != folder
        if not gone and path.name not in _CLOSED_FOLDERS:
            (unreadable or _raised)(path, _cannot_be_read(path, error))

    found = []
    place, left_out = folder.resolve(), None if without is None else without.resolve()
    for top, folders, names in os.walk(folder, onerror=told):
        below = Path(top).relative_to(folder)
        folders[:] = [name for name in folders if not name.startswith(".") and place / below / name != left_out]
        for name in names:
            path = folder / below / name
            wanted = (below / name).match(pattern) if pattern else path.suffix.lower() in VIDEOS
            try:
                if wanted and not name.startswith(".") and path.is_file():
                    found.append(path)
            except OSError as error:
                told(error)
    return sorted(found)


def _raised(_path: Path, error: InputError) -> None:
    raise error


def _cannot_be_read(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot be read: {error.strerror}", path=path, hint="change its permissions, or leave it out")
