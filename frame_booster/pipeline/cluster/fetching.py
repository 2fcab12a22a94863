"""Fetching what a worker has made, in a few chunks at a time, or by a rename in a shared folder."""

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
"""Bytes that go through Ray's object store at once."""
_AT_ONCE = 2
"""Chunks of a segment that are under way: one is written while the next is sent."""


class LostOnTheWay(Exception):
    """A segment is not, or is no more, what its worker has made; it can be made again."""


def fetch(ray: Any, actor: Any, made: Made, path: Path, *, shared: bool) -> None:
    """Brings a segment's file from a worker, and removes it there.

    Args:
      ray: connected.
      actor: the worker.
      made: what it said of the segment.
      path: where the file is to be, complete and on disk.
      shared: whether the worker's folder is there for the head, too.

    Raises:
      OutputError: it cannot be written.
      LostOnTheWay: it is not what was made.
      RayError: the worker is lost, or cannot read it.
    """
    partial = path.with_suffix(".partial")
    try:
        if shared:
            _move(Path(made.path), partial)
        else:
            _copy(ray, actor, made, partial)
            actor.forget.remote(made.path)
        if partial.stat().st_size != made.size:
            raise LostOnTheWay("a segment has lost bytes on its way from a worker")
        retried(flush, partial)
        retried(partial.replace, path)
        sync_folder(path.parent)
    except ray.exceptions.RayError:
        # Ray makes an error of the kind that the worker met as well, as one of the file's.
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
            raise LostOnTheWay("a segment is not in the shared folder any more") from error
        raise
    except OSError:
        # Another file system than the output's.
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
        raise LostOnTheWay("a segment has changed on its way from a worker")
