"""Progress and warnings of a run on a cluster, as dataclasses that the command line shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class WorkerNow:
    """The current state of a worker."""

    worker: int
    """Number of the worker, from 1 in the order in which they were requested."""
    host: str
    device: str
    file: str
    """Path of the input; empty if the worker has no task."""
    segment: int | None
    """Number of the segment; None if the worker has no task."""
    frames: int
    """Number of encoded frames of the segment."""


@dataclass(frozen=True)
class ClusterNow:
    """The progress of a run."""

    frames: int
    """Number of encoded frames of all outputs."""
    total: int | None
    """Expected frames of all outputs; an estimate while not all inputs are opened, None if unknown."""
    seconds: float
    """Time since the start of the run, in s."""
    fps: float
    """Frames per second since the first segment was begun."""
    eta_s: float | None
    """Estimated remaining time in s; None if unknown."""
    files_done: int
    """Number of files that are done or have failed."""
    files: int
    waiting: int
    """Number of workers for which the cluster has no room yet."""
    workers: tuple[WorkerNow, ...]

    def as_json(self) -> dict[str, Any]:
        """Returns the fields."""
        return {"event": "progress", **asdict(self)}


@dataclass(frozen=True)
class Warned:
    """A warning."""

    text: str

    def as_json(self) -> dict[str, Any]:
        """Returns the fields."""
        return {"event": "warning", "message": self.text}


News = ClusterNow | Warned
