"""A folder of images as the output: written to a hidden folder first, and moved into place at the end."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from frame_booster.errors import InputError, Interrupted, OutputError
from frame_booster.files import retried
from frame_booster.media.output.atomic import (
    behind_links,
    check_folder,
    claimed,
    hidden_name,
    is_left,
    leave,
    nearest_folder,
)
from frame_booster.media.output.refusals import cannot_write, refused, tell_of_rest, told_of, writing
from frame_booster.media.paths import is_pattern, shortened, split_pattern


def folder_of(target: Path) -> Path:
    """Returns the folder of the images for a target, which is a folder or a pattern."""
    return target.parent if is_pattern(target) else target


@contextmanager
def partial_folder(source: Path, target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Context that yields a hidden folder for images; they are moved to `target` on success, removed on failure.

    The hidden folder is inside the output's folder if that exists, since it may be a disk of its own; else beside it.

    Args:
      source: the input, which must not be overwritten.
      target: a folder, or a pattern in a folder; the folder is created if necessary.
      overwrite: whether existing images may be replaced.

    Raises:
      InputError: the output is the input, or images exist already and may not be replaced.
      OutputError: the images cannot be written.
    """
    with claimed(check_folder_output(source, target, overwrite=overwrite)) as folder:
        partial = hidden_name(folder / folder.name if folder.is_dir() else folder)
        try:
            with writing(target):
                partial.mkdir()
            try:
                with told_of(partial, target):
                    yield partial
            except OutputError as error:
                # The message has the final path of the image, since the hidden folder is removed.
                if not isinstance(error.__cause__, OSError) or Path(error.path or "").parent != partial:
                    raise
                raise cannot_write(error.__cause__, folder / Path(error.path or "").name) from error
            with writing(target):
                _move(partial, folder, overwrite=overwrite)
        except BaseException as error:
            if not is_left(partial) and not _removed(partial):
                tell_of_rest(error, partial, target)
            raise
        _removed(partial)


def _removed(partial: Path) -> bool:
    """Removes a folder, or as many of its files as the system allows; returns whether the folder is gone."""
    with suppress(OSError):
        retried(shutil.rmtree, partial)
    shutil.rmtree(partial, ignore_errors=True)
    return not partial.exists()


def _move(partial: Path, folder: Path, *, overwrite: bool) -> None:
    made, new = sorted(partial.iterdir()), not folder.exists()
    taken = next((path.name for path in made if (folder / path.name).exists()), None)
    if taken is not None and not overwrite:
        kept = keep_partial_folder(partial, folder)
        raise InputError(
            "exists already: another program created it during the run",
            path=folder / taken,
            hint=f"the images are kept in {kept}",
        )
    try:
        if new:
            # Atomic: all images or none.
            retried(partial.rename, folder)
            return
        for path in made:
            retried(path.replace, folder / path.name)
    except BaseException as error:
        if not partial.exists() or not any(partial.iterdir()):
            raise
        kept = keep_partial_folder(partial, folder)
        others = f"some images are in place, the others are kept in {kept}"
        text = f"the images are kept in {kept}" if new else others
        if isinstance(error, OSError):
            raise refused(error, folder, text) from error
        raise Interrupted(f"interrupted; {text}", path=folder) from error


def keep_partial_folder(partial: Path, target: Path) -> Path:
    """Renames a folder of finished images to NAME.partial, with a number if that exists; returns its path.

    It keeps its hidden name if the system refuses to rename it, for example while a program has an image open.

    Args:
      partial: folder from `partial_folder`.
      target: the final name of the output.
    """
    folder = behind_links(folder_of(target))
    place = folder if partial.parent == folder else folder.parent
    names = (place / shortened(folder.name, f".partial{k}") for k in ("", *(f"-{n}" for n in range(1, 1000))))
    kept = next(name for name in names if not name.exists())
    try:
        return retried(partial.rename, kept)
    except OSError:
        return leave(partial)


def check_folder_output(source: Path, target: Path, *, overwrite: bool, folder_made: bool = False) -> Path:
    """Checks that images can be written, before any work is done, and returns their folder.

    Args:
      source, target, overwrite: as in `partial_folder`.
      folder_made: whether the parent folder will be created if it does not exist.

    Raises:
      InputError, OutputError: as in `partial_folder`.
    """
    folder = folder_of(target)
    if folder.exists() and not folder.is_dir():
        raise OutputError("is not a folder", path=folder, hint="choose another with -o")
    if folder.is_dir():
        check_folder(folder)
    else:
        check_folder(nearest_folder(folder.parent) if folder_made else folder.parent)
    there = _pictures_of(target)
    inputs = folder_of(source) if source.is_dir() or is_pattern(source) else None
    if inputs is not None and inputs.is_dir() and folder.is_dir() and folder.samefile(inputs):
        if source.is_dir() or not is_pattern(target):
            raise InputError("the output is the input", path=folder, hint="choose another folder with -o")
        if {path.name for path in there} & {path.name for path in _pictures_of(source)}:
            raise InputError("the output is the input", path=target, hint="choose another pattern with -o")
    if there and not overwrite and is_pattern(target):
        raise InputError("exists already", path=there[0], hint="--overwrite replaces images of the same name")
    if there and not overwrite:
        raise InputError("is not empty", path=folder, hint="--overwrite replaces images of the same name")
    return folder


def _pictures_of(path: Path) -> list[Path]:
    """Returns the files that match a pattern, or all files of a folder that are not hidden."""
    folder = folder_of(path)
    files = sorted(p for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []
    if not is_pattern(path):
        return files
    before, after = (re.escape(part) for part in split_pattern(path.name))
    return [file for file in files if re.fullmatch(f"{before}\\d+{after}", file.name)]
