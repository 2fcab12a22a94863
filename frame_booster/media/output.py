"""The output: written beside its final name, checked, renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error

from frame_booster.errors import InputError, OutputError
from frame_booster.media.animation import webp_frames
from frame_booster.media.container import PIPE, url
from frame_booster.media.pictures import is_pattern, sequence_name
from frame_booster.media.rational import exact
from frame_booster.media.writer import Written


def default_output(path: Path, factor: int) -> Path:
    """Returns where the result goes when nobody says: `input.2x.mp4` beside the input; a pipe's goes to a pipe.

    A sequence without a name of its own, `frames/%05d.png`, has that of its folder, and its result lies beside that.
    """
    if path == PIPE:
        return PIPE
    if is_pattern(path) and not path.exists():
        name, folder = sequence_name(path), path.parent.absolute()
        if name:
            return path.with_name(f"{name}.{factor}x.mp4")
        return folder.parent / f"{folder.name or 'frames'}.{factor}x.mp4"
    return path.with_name(f"{path.stem}.{factor}x.mp4")


def is_sequence(target: Path, text: str = "") -> bool:
    """Tells whether an output is a sequence of pictures: a pattern, or a folder (`text` ends with a slash)."""
    return is_pattern(target) or text.endswith(("/", os.sep)) or target.is_dir()


def check_output(source: Path, target: Path, *, overwrite: bool) -> None:
    """Checks that `target` can become the output, before any work is done.

    Raises:
      InputError: it is the input itself (also by a link), or it exists and may not be overwritten.
      OutputError: its folder is missing or cannot be written.
    """
    if target == PIPE:
        return
    _check_folder(target.parent)
    if target.exists():
        if source.exists() and target.samefile(source):
            raise InputError("the output is the input", path=target, hint="give another name with -o")
        if not overwrite:
            raise InputError("exists already", path=target, hint="--overwrite replaces it")


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise OutputError("no such folder", path=folder, hint="make it first")
    if not os.access(folder, os.W_OK):
        raise OutputError("the folder cannot be written", path=folder)


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """Gives a path beside `target` to write to; renames it there on success, removes it on failure."""
    if target == PIPE:
        yield target
        return
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


@contextmanager
def partial_folder(source: Path, target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Gives a folder to write pictures to; on success they are moved to `target`, on failure removed.

    Args:
      source: the input, which must not be overwritten.
      target: a folder, or a pattern in a folder; the folder is made if need be.
      overwrite: whether pictures that are there may be replaced.

    Raises:
      InputError: the folder is the input's, or has pictures of these names already.
      OutputError: it cannot be written.
    """
    folder = target.parent if is_pattern(target) else target
    _check_folder(folder.parent)
    if folder.exists() and source.is_dir() and folder.samefile(source):
        raise InputError("the output is the input", path=folder, hint="give another folder with -o")
    if source.absolute() == target.absolute():
        raise InputError("the output is the input", path=target, hint="give another pattern with -o")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite and not is_pattern(target):
        raise InputError("is not empty", path=folder, hint="--overwrite replaces pictures of the same names")
    partial = folder.parent / f".{folder.name}.partial-{os.getpid()}"
    try:
        partial.mkdir()
        yield partial
        made = sorted(partial.iterdir())
        folder.mkdir(exist_ok=True)
        taken = next((p for p in made if (folder / p.name).exists()), None)
        if taken is not None and not overwrite:
            raise InputError("exists already", path=folder / taken.name, hint="--overwrite replaces it")
        for path in made:
            path.replace(folder / path.name)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=target) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def verify_pictures(folder: Path, written: Written) -> None:
    """Checks that every picture is there and not empty.

    Raises:
      OutputError: something is missing.
    """
    made = [p for p in folder.iterdir() if p.stat().st_size]
    if len(made) != written.frames:
        raise OutputError(f"the result has {len(made)} pictures instead of {written.frames}", path=folder)


def verify(path: Path, format_name: str, written: Written, time_base: Fraction) -> None:
    """Reads the file back and checks that frames, their times and copied packets are all there.

    Raises:
      OutputError: something is missing.
    """
    if format_name == "webp":
        frames, length = webp_frames(path)
        # WebP joins frames that are equal, so that fewer may come back.
        if frames > written.frames:
            raise OutputError(f"the result has {frames} frames instead of {written.frames}", path=path)
        _check_times(
            path, [("lasts", length, _length(written) * time_base)], Fraction(written.frames, 1000) + time_base
        )
        return
    if format_name == "rawvideo":
        # Nothing but pixels, all frames of one size.
        if not path.stat().st_size or path.stat().st_size % written.frames:
            raise OutputError(f"the result does not hold {written.frames} frames", path=path)
        return
    try:
        with av.open(url(path)) as container:
            video = container.streams.video[0]
            base = exact(video.time_base)
            assert base is not None
            length_told = None if not video.duration else video.duration * base
            first: int | None = None
            last = frames = 0
            copied = {s.index: 0 for s in container.streams if s.index != video.index}
            for packet in container.demux():
                if packet.stream.index != video.index:
                    # Cover art has no time, the end of a stream has no bytes.
                    copied[packet.stream.index] += packet.size > 0 or packet.dts is not None
                    continue
                if packet.dts is None and packet.pts is None:
                    continue
                frames += 1
                pts = packet.pts if packet.pts is not None else packet.dts
                first = pts if first is None else min(first, pts)
                last = max(last, pts)
    except (av.error.FFmpegError, IndexError) as error:
        raise OutputError(f"the result cannot be read back: {error}", path=path) from error
    if frames != written.frames:
        raise OutputError(f"the result has {frames} frames instead of {written.frames}", path=path)
    for index, count in written.packets.items():
        if copied.get(index, 0) < count:
            raise OutputError(f"stream {index} of the result has {copied.get(index, 0)} packets of {count}", path=path)
    # Two ticks: a container of coarse ticks rounds the beginning and the end.
    tolerance = 2 * max(base, time_base)
    shown = (written.last_pts - (written.first_pts or 0)) * time_base
    _check_times(path, [("shows its last frame after", (last - (first or 0)) * base, shown)], tolerance)
    length = _length(written) * time_base
    if format_name == "mpegts":
        # It says when a frame is shown, not for how long: FFmpeg guesses the last one's time.
        tolerance += max(length - shown, length / written.frames)
    _check_times(path, [("lasts", length_told, length)], tolerance)


def _length(written: Written) -> int:
    return written.end_pts - (written.first_pts or 0)


def _check_times(path: Path, times: list[tuple[str, Fraction | None, Fraction]], tolerance: Fraction) -> None:
    for what, found, wanted in times:
        if found is not None and abs(found - wanted) > tolerance:
            raise OutputError(f"the result {what} {float(found):.4f} s instead of {float(wanted):.4f} s", path=path)
