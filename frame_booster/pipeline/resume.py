"""Storage of a run with durable segments, which survive a crash, so that the run can be resumed.

Video is encoded in segments, each with a new encoder, whether or not the run is ever interrupted, so a resumed run
gives the same frames as an uninterrupted one. At the end the segments are joined with the other streams of the source.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from filelock import FileLock, Timeout

from frame_booster import files
from frame_booster.errors import InputError, Interrupted
from frame_booster.files import atomic
from frame_booster.media.input.source import SourceFrame
from frame_booster.media.output.file import FileSink
from frame_booster.media.output.refusals import cannot_write, writing
from frame_booster.media.output.segments import SegmentWriter, read_segment
from frame_booster.media.output.sink import Written
from frame_booster.media.paths import hidden_beside, shortened
from frame_booster.media.pyav.rational import exact
from frame_booster.pipeline.boundaries import Boundary, boundary_facts, boundary_from
from frame_booster.pipeline.noted_network import NotedNetwork
from frame_booster.pipeline.pairing import Counts

_LOCK = "lock"
_MANIFEST = "manifest.json"


def folder_of_segments(target: Path) -> Path:
    """Returns the hidden folder beside an output for its segments."""
    name = f".{target.name}.segments"
    if shortened(name, "") != name:
        # A long name is shortened, and made unique by a hash.
        name = hidden_beside(target, f"-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}.segments").name
    return target.with_name(name)


def manifest_of(target: Path) -> dict[str, Any]:
    """Returns the manifest of an earlier run for an output; empty if there is none or it cannot be read."""
    try:
        state = json.loads((folder_of_segments(target) / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


class Segments:
    """The folder beside the output with the segments of a run and a manifest of its state.

    Args:
      target: final path of the output.
      key: fingerprint of the run.

    Raises:
      InputError: the folder belongs to a run with another fingerprint or to one that is still running, or its manifest
        or a segment is damaged or missing.
      OutputError: the folder cannot be created or written.
    """

    def __init__(self, target: Path, key: str) -> None:
        self.folder = folder_of_segments(target)
        self._manifest = self.folder / _MANIFEST
        self.state: dict[str, Any] = {"key": key, "segments": [], "after": None}
        self.facts: Callable[[], dict[str, Any]] = dict
        """Returns further facts that are recorded with each segment."""
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(error, self.folder, "cannot be created") from error
        self._lock = FileLock(self.folder / _LOCK, thread_local=False)
        try:
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise InputError("another run is writing this output", path=target, hint="wait for it") from error
        except OSError as error:
            raise cannot_write(error, self.folder) from error
        try:
            with writing(self.folder):
                self._clear(key)
        except BaseException:
            self.release()
            raise
        self._told_before = self.warnings

    def _clear(self, key: str) -> None:
        """Reads the state of an earlier run with this key, and removes files that do not belong to it."""
        if self._manifest.exists():
            self._take_over(key)
        known = {_MANIFEST, _LOCK, *self.state["segments"], *self.state.get("ahead", {})}
        for path in self.folder.iterdir():
            # Folders are from other programs, such as thumbnails on a network disk.
            if path.name not in known and not path.is_dir():
                path.unlink()

    def _take_over(self, key: str) -> None:
        try:
            state = json.loads(self._manifest.read_text(encoding="utf-8"))
            names = set(state["segments"])
            if state.get("key") != key:
                raise InputError(
                    "the earlier run had another input, options, weights or version",
                    path=self.folder,
                    hint="delete the folder to start again",
                )
            _look_through(state)
        except (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            raise InputError("cannot be read", path=self._manifest, hint="delete its folder to start again") from error
        missing = sorted(name for name in names if not (self.folder / name).is_file())
        if missing:
            raise InputError(f"{missing[0]} is missing", path=self.folder, hint="delete the folder to start again")
        self.state = state

    @property
    def after(self) -> Boundary | None:
        """Boundary at which to continue; None at the start."""
        state = self.state["after"]
        return None if state is None else boundary_from(state)

    @property
    def frames(self) -> int:
        """Number of output frames in complete segments."""
        return int(self.state.get("frames", 0))

    @property
    def counts(self) -> Counts:
        """Counts of all frames of a complete run."""
        return Counts(**self.state["counts"])

    @property
    def warnings(self) -> list[str]:
        """Warnings of the runs that made the complete segments."""
        return list(self.state.get("warnings", []))

    @property
    def truncated(self) -> str | None:
        """Description of the truncation of a complete run's input; None if it is not truncated."""
        text: str | None = self.state.get("truncated")
        return text

    @property
    def paths(self) -> list[Path]:
        """Paths of the complete segments, in order."""
        return [self.folder / name for name in self.state["segments"]]

    @property
    def complete(self) -> bool:
        """Whether all segments are made, and only joining remains."""
        return bool(self.state.get("complete", False))

    def new(self) -> SegmentWriter:
        """Starts the next segment."""
        return SegmentWriter(self.folder / f"{len(self.state['segments']):05d}.packets")

    def add(
        self,
        writer: SegmentWriter,
        frames: int,
        boundary: Boundary | None,
        counts: Counts | None = None,
        warnings: Iterable[str] = (),
        truncated: str | None = None,
    ) -> None:
        """Completes a segment and records it.

        Args:
          writer: writer of the segment.
          frames: number of output frames up to its end.
          boundary: start of the next segment; None for the last one.
          counts: counts of all frames, for the last segment.
          warnings: all warnings of this run so far.
          truncated: as in `SourceReport`.
        """
        writer.finish()
        self.append(writer.path.name, frames, boundary, counts, warnings, truncated, **self.facts())

    def append(
        self,
        name: str,
        frames: int,
        boundary: Boundary | None,
        counts: Counts | None = None,
        warnings: Iterable[str] = (),
        truncated: str | None = None,
        **facts: Any,
    ) -> None:
        """Records a file in the folder as the next complete segment, with further facts; arguments as in `add`."""
        state = {**self.state, **facts}
        # Warnings with a count change between segments, so those of this run replace its earlier ones.
        state["warnings"] = list(dict.fromkeys([*self._told_before, *warnings]))
        state["segments"] = [*state["segments"], name]
        state["frames"] = frames
        if boundary is None:
            state["complete"] = True
            state["truncated"] = truncated
            state["counts"] = asdict(counts or Counts())
        else:
            state["after"] = boundary_facts(boundary)
        self.note(**state)

    def note(self, **facts: Any) -> None:
        """Adds facts to the manifest and flushes it to disk."""
        self.state = {**self.state, **facts}
        with writing(self._manifest), atomic(self._manifest, durable=True) as partial:
            partial.write_text(json.dumps(self.state), encoding="utf-8")

    def give_up(self) -> None:
        """Removes the folder if it has no segment from which a later run could continue."""
        if not self.paths:
            self.remove()

    def release(self) -> None:
        """Releases the lock on the output, which the end of the process does as well."""
        self._lock.release()

    def remove(self) -> None:
        """Removes the folder with all segments, and releases the lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.release()
        if files.WINDOWS:
            # An open file cannot be removed on Windows, so the lock file remains until it is released.
            shutil.rmtree(self.folder, ignore_errors=True)


def _look_through(state: dict[str, Any]) -> None:
    """Parses all parts of a manifest before any work, since it may be damaged.

    Raises:
      Exception: any that results from missing or malformed entries.
    """
    for name in state["segments"]:
        Path(name)
    if state["after"] is not None:
        boundary_from(state["after"])
    if state.get("complete"):
        Counts(**state["counts"])
    NotedNetwork.in_manifest(state)
    int(state.get("frames", 0))
    ",".join([*state.get("warnings", []), *dict(state.get("ahead", {}))])


def join(
    segments: Segments,
    sink: FileSink,
    packets: Iterable[SourceFrame | av.Packet],
    stop: threading.Event | None = None,
) -> Written:
    """Writes all segments and the packets of the source's other streams into the output, in the order of time.

    Raises:
      Interrupted: `stop` was set.
    """
    pending: list[av.Packet] = []
    video = (packet for path in segments.paths for packet in read_segment(path))
    last_dts: int | None = None

    def put_until(time: Fraction | None) -> None:
        nonlocal last_dts
        while True:
            if stop is not None and stop.is_set():
                raise Interrupted("stopped with the others")
            packet = pending.pop() if pending else next(video, None)
            if packet is None:
                return
            if time is not None and packet.dts * sink.encoder.time_base > time:
                pending.append(packet)
                return
            if last_dts is not None and packet.dts <= last_dts:
                # The first dts of a new encoder may be before the last one of the previous encoder.
                packet.dts = min(last_dts + 1, packet.pts)
            last_dts = packet.dts
            sink.put_encoded(packet)

    for packet in packets:
        if not isinstance(packet, av.Packet):
            continue
        base = exact(packet.time_base)
        if packet.dts is not None and base is not None:
            put_until(packet.dts * base)
        sink.copy(packet)
    put_until(None)
    return sink.complete()
