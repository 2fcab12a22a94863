"""Atomic output: written under a hidden name beside the final one, checked, then renamed."""

from __future__ import annotations

import itertools
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from frame_booster.errors import InputError, Interrupted, OutputError, not_writable
from frame_booster.files import flush, retried, sync_folder
from frame_booster.media.output.refusals import cannot_write, refused, tell_of_rest, told_of, writing
from frame_booster.media.paths import check_name, hidden_beside, is_pipe, shortened

_LONG_UNTOUCHED_S = 3600
_USUAL_SUFFIX = 16
"""Longest suffix, characters; a longer one is a part of a name that contains a full stop."""


def check_output(source: Path, target: Path, *, overwrite: bool, folder_made: bool = False) -> None:
    """Checks that `target` can become the output, before any work is done.

    Args:
      source: the input.
      target: the output.
      overwrite: whether it may replace an existing file.
      folder_made: whether its folder will be created if it does not exist.

    Raises:
      InputError: it is the input itself (also by a link), it exists and may not be overwritten, or its name is not
        allowed on Windows.
      OutputError: its folder is missing or not writable, or it is a socket or a disk.
    """
    check_name(target)
    if is_pipe(target):
        return
    if target.exists() and not target.is_file():
        raise OutputError("is neither a file nor a pipe", path=target, hint="use a file, a named pipe or -")
    check_folder(nearest_folder(target.parent) if folder_made else behind_links(target).parent)
    if target.exists():
        if source.exists() and target.samefile(source):
            raise InputError("the output is the input", path=target, hint="choose another name with -o")
        if not overwrite:
            raise InputError("exists already", path=target, hint="--overwrite replaces it")


def make_folder(folder: Path) -> None:
    """Creates a folder for outputs, and its parents.

    Raises:
      OutputError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(error, folder, "cannot be created") from error


def nearest_folder(path: Path) -> Path:
    """Returns the nearest existing folder above a path."""
    return next((folder for folder in (behind_links(path), *behind_links(path).parents) if folder.exists()), Path())


def check_folder(folder: Path) -> None:
    """Raises OutputError if a folder is missing or not writable."""
    if not folder.is_dir():
        raise OutputError("no such folder", path=folder, hint="create it first")
    if told := not_writable(folder):
        raise OutputError(f"the folder cannot be written: {told[0]}", path=folder, hint=told[1])


_being_written: set[Path] = set()
"""Outputs of the running runs of this process."""
_guard = threading.Lock()


@contextmanager
def claimed(target: Path) -> Iterator[Path]:
    """Context that reserves an output for this run in this process; yields its path with links resolved."""
    real = behind_links(target)
    with _guard:
        if real in _being_written:
            raise InputError("another run is writing this output", path=target, hint="use another name with -o")
        _being_written.add(real)
    try:
        yield real
    finally:
        with _guard:
            _being_written.discard(real)


def behind_links(target: Path) -> Path:
    """Resolves links of an output, so that the link stays and its target is replaced."""
    return Path(os.path.realpath(target))


def hidden_name(target: Path) -> Path:
    """Returns a unique hidden path beside a target."""
    suffix = target.suffix if len(target.suffix) <= _USUAL_SUFFIX else ""
    return hidden_beside(target, f".partial-{secrets.token_hex(6)}{suffix}")


def left_by_killed_runs(target: Path, now: float) -> list[Path]:
    """Returns files that killed runs to the same target have left beside it, unchanged for an hour.

    Args:
      target: a file, or a folder of images.
      now: the current time, s since 1970.
    """
    real = behind_links(target)
    beside = real / real.name if real.is_dir() else real
    start = hidden_beside(beside, ".partial-").name
    found = []
    try:
        for entry in os.scandir(beside.parent):
            if entry.name.startswith(start) and now - entry.stat(follow_symlinks=False).st_mtime > _LONG_UNTOUCHED_S:
                found.append(Path(entry.path))
    except OSError:
        # The folder cannot be listed, or a file has just been removed: the result is only a hint.
        return found
    return sorted(found)


@contextmanager
def partial_file(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Context that yields an empty file beside `target`; renames it on success, removes it on failure.

    The file is created at once, so that a path that cannot be written fails before the work: FFmpeg opens the file with
    the first frame or later, and on Windows only this tells whether a folder is writable.

    Raises:
      InputError: another run is writing it, or has written it meanwhile and it may not be overwritten.
      OutputError: it cannot be written.
    """
    if is_pipe(target):
        yield target
        return
    with claimed(target) as real:
        partial = hidden_name(real)
        try:
            with told_of(partial, target):
                partial.open("xb").close()
                yield partial
            _flush(partial, target)
        except BaseException as error:
            if not is_left(partial) and not _removed(partial):
                tell_of_rest(error, partial, target)
            raise
        _give_name(partial, real, target, overwrite=overwrite)
        with writing(target):
            sync_folder(real.parent)


def _flush(partial: Path, target: Path) -> None:
    with writing(target), suppress(PermissionError):
        # Windows does not let a file be flushed that another program has open, but may let it be renamed.
        retried(flush, partial)


def _removed(partial: Path) -> bool:
    """Removes a partial file; returns whether it is gone."""
    if not os.path.lexists(partial):
        # It was never created; in its folder, removing it could raise an error as well.
        return True
    try:
        retried(partial.unlink, missing_ok=True)
    except OSError:
        return False
    return True


def _give_name(partial: Path, real: Path, target: Path, *, overwrite: bool) -> None:
    """Renames a complete file; nothing is lost if that is refused, for example because a player has the target open.

    Raises:
      InputError: a file of that name was created since the run began; the result keeps a name beside it.
      OutputError: it is refused; the message has the name of the result.
      Interrupted: the run was interrupted meanwhile; the message has the name of the result.
    """
    try:
        if overwrite:
            retried(partial.replace, real)
        else:
            _rename_to_new(partial, real)
    except (OSError, KeyboardInterrupt, Interrupted) as error:
        if not partial.exists():
            raise
        try:
            kept = _rename_beside(partial, real)
        except OSError:
            kept = leave(partial)
        if not isinstance(error, OSError):
            raise Interrupted(f"{str(error) or 'interrupted'}; the result is kept as {kept}", path=target) from error
        if kept != real:
            raise refused(error, target, f"the result is kept as {kept}") from error


_left: set[Path] = set()
"""Partial files and folders that could not be renamed and are the only copy of a result."""


def leave(partial: Path) -> Path:
    """Protects a partial file or folder from removal at the end; returns its path."""
    _left.add(partial)
    return partial


def is_left(partial: Path) -> bool:
    """Returns whether a partial file or folder is protected from removal."""
    return partial in _left


def _rename_to_new(partial: Path, target: Path) -> None:
    """Renames a file, but never over another.

    Raises:
      InputError: a file of that name was created since the run began; the result keeps a name beside it.
    """
    name = _rename_beside(partial, target)
    if name != target:
        raise InputError(
            "exists already: another program created it during the run",
            path=target,
            hint=f"the result is kept as {name}",
        )


def _rename_beside(partial: Path, target: Path) -> Path:
    """Renames a file, but never over another; returns its name, with a number if the name was taken."""
    others = (target.with_name(shortened(target.stem, f"-{k}{target.suffix}")) for k in itertools.count(1))
    for name in itertools.chain([target], others):
        try:
            os.link(partial, name)
        except FileExistsError:
            continue
        except OSError:
            # The file system has no hard links, so the check and the rename are not atomic.
            if name.exists():
                continue
            retried(partial.replace, name)
        else:
            _removed(partial)
        return name
    raise AssertionError("numbers do not end")


def keep_partial(partial: Path, target: Path, *, overwrite: bool) -> Path:
    """Renames the finished part of an output to NAME.partial.SUFFIX; returns its name.

    It keeps its hidden name if the system refuses to rename it, for example while a program has it open.

    Args:
      partial: file from `partial_file`, complete up to its end.
      target: the final name of the output.
      overwrite: whether a part of an earlier run may be replaced; else a number is added.

    Raises:
      OutputError: the end of the file cannot be written to disk.
    """
    real = behind_links(target)
    kept = real.with_name(shortened(real.stem, f".partial{real.suffix}"))
    _flush(partial, kept)
    try:
        return retried(partial.replace, kept) if overwrite else _rename_beside(partial, kept)
    except OSError:
        return leave(partial)
