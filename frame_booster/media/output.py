"""The output: written beside its final name, checked, renamed."""

from __future__ import annotations

import itertools
import math
import os
import secrets
import shutil
import threading
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error

from frame_booster.errors import InputError, OutputError
from frame_booster.media.animation import webp_frames
from frame_booster.media.container import PIPE, is_pipe, url
from frame_booster.media.pictures import is_pattern, sequence_name
from frame_booster.media.rational import exact
from frame_booster.media.tags import lost_tags
from frame_booster.media.timecode import KEY
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
      OutputError: its folder is missing or cannot be written, or it is a socket or a disk.
    """
    if is_pipe(target):
        return
    if target.exists() and not target.is_file():
        raise OutputError("is neither a file nor a pipe", path=target, hint="give a file, a named pipe or -")
    _check_folder(_real(target).parent)
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


_being_written: set[Path] = set()
"""Outputs of runs under way in this process."""
_guard = threading.Lock()


@contextmanager
def _claimed(target: Path) -> Iterator[Path]:
    """Keeps other runs of this process from one output; gives its path behind all links."""
    real = _real(target)
    with _guard:
        if real in _being_written:
            raise InputError("another run is writing this output", path=target, hint="give each its own")
        _being_written.add(real)
    try:
        yield real
    finally:
        with _guard:
            _being_written.discard(real)


def _real(target: Path) -> Path:
    """Returns where an output lies behind links, so that the link stays and what it leads to is replaced."""
    return Path(os.path.realpath(target))


def _beside(target: Path) -> Path:
    """Returns a hidden path beside a target that no other run, in this process or another, has chosen."""
    return target.with_name(f".{target.stem[:40]}.partial-{secrets.token_hex(6)}{target.suffix}")


@contextmanager
def partial_file(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Gives a path beside `target` to write to; renames it there on success, removes it on failure.

    Raises:
      InputError: another run is writing it, or has written it meanwhile and it may not be overwritten.
      OutputError: it cannot be written.
    """
    if is_pipe(target):
        yield target
        return
    with _claimed(target) as real:
        partial = _beside(real)
        try:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            if overwrite:
                partial.replace(real)
            else:
                _rename_to_new(partial, real)
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror}", path=target) from error
        finally:
            partial.unlink(missing_ok=True)


def _rename_to_new(partial: Path, target: Path) -> None:
    """Renames a file, but never over another.

    Raises:
      InputError: there is a file of that name, made since the run began; the result keeps a name beside it.
    """
    others = (target.with_name(f"{target.stem}-{k}{target.suffix}") for k in itertools.count(1))
    for name in itertools.chain([target], others):
        try:
            os.link(partial, name)
        except FileExistsError:
            continue
        except OSError:
            # A file system without hard links, where this moment's look has to do.
            if name.exists():
                continue
            partial.replace(name)
        if name != target:
            raise InputError("exists already: it was made meanwhile", path=target, hint=f"the result is {name}")
        return


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
    with _claimed(folder) as real:
        yield from _filled(real, target, overwrite=overwrite)


def _filled(folder: Path, target: Path, *, overwrite: bool) -> Iterator[Path]:
    partial = _beside(folder)
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


def verify(path: Path, format_name: str, written: Written, time_base: Fraction) -> list[str]:
    """Reads the file back and checks that frames, their times and copied packets are all there.

    Args:
      path: of the file.
      format_name: FFmpeg's name of its container.
      written: what went in.
      time_base: of the times in `written`.

    Returns:
      What there is to warn of: tags of streams that the container has not kept.

    Raises:
      OutputError: something is missing.
    """
    if format_name == "webp":
        frames, length = webp_frames(path)
        # WebP joins frames that are equal, so that fewer may come back.
        if frames > written.frames:
            raise OutputError(f"the result has {frames} frames instead of {written.frames}", path=path)
        _check_length(path, length, _length(written) * time_base, Fraction(written.frames, 1000) + time_base)
        return []
    if format_name == "rawvideo":
        # Nothing but pixels, all frames of one size.
        if not path.stat().st_size or path.stat().st_size % written.frames:
            raise OutputError(f"the result does not hold {written.frames} frames", path=path)
        return []
    try:
        with av.open(url(path)) as container:
            video = container.streams.video[0]
            base = exact(video.time_base)
            assert base is not None
            length_told = None if not video.duration else video.duration * base
            times = array("q")
            copied = {s.index: 0 for s in container.streams if s.index != video.index}
            tags = {s.index: dict(s.metadata) for s in container.streams}
            for packet in container.demux():
                if packet.stream.index != video.index:
                    # Cover art has no time, the end of a stream has no bytes.
                    copied[packet.stream.index] += packet.size > 0 or packet.dts is not None
                elif packet.dts is not None or packet.pts is not None:
                    times.append(packet.dts if packet.pts is None else packet.pts)
    except (av.error.FFmpegError, IndexError) as error:
        raise OutputError(f"the result cannot be read back: {error}", path=path) from error
    if len(times) != written.frames:
        raise OutputError(f"the result has {len(times)} frames instead of {written.frames}", path=path)
    for index, count in written.packets.items():
        if copied.get(index, 0) < count:
            raise OutputError(f"stream {index} of the result has {copied.get(index, 0)} packets of {count}", path=path)
    # Two ticks: a container of coarse ticks rounds the beginning and the end.
    tolerance = 2 * max(base, time_base)
    if format_name == "yuv4mpegpipe":
        # It has no timestamps: its frames are counted.
        return []
    _check_times(path, sorted(times), base, sorted(written.times), time_base, tolerance)
    length = _length(written) * time_base
    if format_name == "mpegts":
        # It says when a frame is shown, not for how long: FFmpeg guesses the last one's time.
        shown = (written.last_pts - (written.first_pts or 0)) * time_base
        tolerance += max(length - shown, length / written.frames)
    _check_length(path, length_told, length, tolerance)
    warnings = []
    for index, wanted in sorted(written.tags.items()):
        # Of these the file as a whole has an account.
        own = {key: value for key, value in wanted.items() if key.lower() not in ("creation_time", KEY)}
        lost = lost_tags(own, tags.get(index, {}))
        if lost:
            text = f"tags of stream {index} are lost, since {format_name} does not keep them: {', '.join(lost)}"
            warnings.append(text)
    return warnings


def _length(written: Written) -> int:
    return written.end_pts - (written.first_pts or 0)


def _check_times(
    path: Path, found: list[int], base: Fraction, wanted: list[int], time_base: Fraction, tolerance: Fraction
) -> None:
    """Raises OutputError where a frame is not at its time, but for a common offset, or not after the one before."""
    # In whole ticks of both time bases: fractions would take seconds for an hour of video.
    tick = Fraction(1, math.lcm(base.denominator, time_base.denominator))
    have, want, most = int(base / tick), int(time_base / tick), int(tolerance / tick)
    moved = found[0] * have - wanted[0] * want
    last: int | None = None
    for number, (a, b) in enumerate(zip(found, wanted, strict=True)):
        if abs(a * have - b * want - moved) > most:
            times = (float((a - found[0]) * base), float((b - wanted[0]) * time_base))
            raise OutputError(f"frame {number} of the result is at {times[0]:.4f} s, not {times[1]:.4f} s", path=path)
        if last is not None and a <= last:
            raise OutputError(f"frames {number - 1} and {number} of the result are at one time", path=path)
        last = a


def _check_length(path: Path, found: Fraction | None, wanted: Fraction, tolerance: Fraction) -> None:
    if found is not None and abs(found - wanted) > tolerance:
        raise OutputError(f"the result lasts {float(found):.4f} s instead of {float(wanted):.4f} s", path=path)
