"""Fetching of finished segments from workers: in chunks through Ray, or by a rename in a shared folder."""

from __future__ import annotations

import hashlib
import shutil
from collections import deque
from pathlib import Path
from typing import Any

from frame_booster.files import flush, retried, sync_folder
from frame_booster.media.output.refusals import cannot_write
from frame_booster.pipeline.cluster.messages import Made

CHUNK = 4 << 20
"""Size of a chunk in Ray's object store, in bytes."""
_AT_ONCE = 2
"""Chunks of a segment requested at a time: one is written while the next is sent."""


class LostOnTheWay(Exception):
    """A segment was lost or damaged after its worker made it; it can be made again."""


def fetch(ray: Any, actor: Any, made: Made, path: Path, *, shared: bool) -> None:
    """Moves a segment's file from a worker to the head.

    Args:
      ray: the Ray module, connected.
      actor: actor handle of the worker.
      made: the worker's description of the segment.
      path: destination; the file is complete and flushed to disk when it gets this name.
      shared: whether the worker wrote into a folder that the head can access.

    Raises:
      OutputError: the file cannot be written.
      LostOnTheWay: the file is missing or differs from what the worker made.
      RayError: the worker is lost, or cannot read the file.
    """
    partial = path.with_suffix(".partial")
    try:
        if shared:
            _move(Path(made.path), partial)
        else:
            _copy(ray, actor, made, partial)
            actor.forget.remote(made.path)
        if partial.stat().st_size != made.size:
            raise LostOnTheWay("a segment from a worker is incomplete")
        retried(flush, partial)
        retried(partial.replace, path)
        sync_folder(path.parent)
    except ray.exceptions.RayError:
        # Ray's error also has the type of the worker's own, which can be OSError.
        raise
    except OSError as error:
        raise cannot_write(error, path, "a segment cannot be written") from error
    finally:
        partial.unlink(missing_ok=True)


def _move(made: Path, partial: Path) -> None:
    try:
        made.replace(partial)
    except FileNotFoundError as error:
        if made.parent.is_dir() and not made.exists():
            raise LostOnTheWay("a segment has disappeared from the shared folder") from error
        raise
    except OSError:
        # The shared folder is on another file system than the output.
        shutil.copyfile(made, partial)
        made.unlink(missing_ok=True)


def _copy(ray: Any, actor: Any, made: Made, partial: Path) -> None:
    digest, under_way = hashlib.sha256(), deque[Any]()
    offsets = iter(range(0, made.size, CHUNK))
    with partial.open("wb") as file:
        while True:
            while len(under_way) < _AT_ONCE and (offset := next(offsets, None)) is not None:
                under_way.append(actor.read.remote(made.path, offset, CHUNK))
            if not under_way:
                break
            data = ray.get(under_way.popleft())
            digest.update(data)
            file.write(data)
    if digest.hexdigest() != made.digest:
        raise LostOnTheWay("a segment from a worker is damaged (wrong checksum)")
