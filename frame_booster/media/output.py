"""The output file: written beside its final name, checked, renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error

from frame_booster.errors import InputError, OutputError
from frame_booster.media.rational import exact
from frame_booster.media.sink import Written


def default_output(path: Path, factor: int) -> Path:
    """Returns where the result goes when nobody says: `input.2x.mp4` beside the input."""
    return path.with_name(f"{path.stem}.{factor}x.mp4")


def check_output(source: Path, target: Path, *, overwrite: bool) -> None:
    """Checks that `target` can become the output, before any work is done.

    Raises:
      InputError: it is the input itself (also by a link), or it exists and may not be overwritten.
      OutputError: its folder is missing or cannot be written.
    """
    folder = target.parent
    if not folder.is_dir():
        raise OutputError("no such folder", path=folder, hint="make it first")
    if target.is_dir():
        raise InputError("the output is a folder", path=target)
    if target.exists():
        if source.exists() and target.samefile(source):
            raise InputError("the output is the input", path=target, hint="give another name with -o")
        if not overwrite:
            raise InputError("exists already", path=target, hint="--overwrite replaces it")
    if not os.access(folder, os.W_OK):
        raise OutputError("the folder cannot be written", path=folder)


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """Gives a path beside `target` to write to; renames it there on success, removes it on failure."""
    partial = target.with_name(f".{target.stem}.partial-{os.getpid()}{target.suffix}")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=target) from error
    finally:
        partial.unlink(missing_ok=True)


def verify(path: Path, written: Written, time_base: Fraction) -> None:
    """Reads the file back and checks that frames, their times and copied packets are all there.

    Raises:
      OutputError: something is missing.
    """
    try:
        with av.open(str(path)) as container:
            video = container.streams.video[0]
            base = exact(video.time_base)
            assert base is not None
            length = None if not video.duration else video.duration * base
            first: int | None = None
            last = frames = 0
            copied = {s.index: 0 for s in container.streams if s.index != video.index}
            for packet in container.demux():
                if packet.dts is None and packet.pts is None:
                    continue
                if packet.stream.index != video.index:
                    copied[packet.stream.index] += 1
                    continue
                frames += 1
                pts = packet.pts if packet.pts is not None else packet.dts
                first = pts if first is None else min(first, pts)
                last = max(last, pts)
    except (av.error.FFmpegError, IndexError) as error:
        raise OutputError(f"the result cannot be read back: {error}", path=path) from error
    if frames != written.frames:
        raise OutputError(f"the result has {frames} frames instead of {written.frames}", path=path)
    for index, count in (written.packets or {}).items():
        if copied.get(index, 0) < count:
            raise OutputError(f"stream {index} of the result has {copied.get(index, 0)} packets of {count}", path=path)
    # Two ticks: a container of coarse ticks rounds the beginning and the end.
    tolerance = 2 * max(base, time_base)
    begun = written.first_pts or 0
    for what, found, wanted in (
        ("shows its last frame after", (last - (first or 0)) * base, (written.last_pts - begun) * time_base),
        ("lasts", length, (written.end_pts - begun) * time_base),
    ):
        if found is not None and abs(found - wanted) > tolerance:
            raise OutputError(f"the result {what} {float(found):.4f} s instead of {float(wanted):.4f} s", path=path)
