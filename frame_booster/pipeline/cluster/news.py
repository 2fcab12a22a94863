"""What the command that was called tells of a run on a cluster while it goes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class WorkerNow:
    """What a worker is at."""

    worker: int
    """Its number, from 1 in the order of their beginnings."""
    host: str
    device: str
    file: str
    """The input; empty where it waits."""
    segment: int | None
    """Number of the segment."""
    frames: int
    """Of the segment, encoded so far."""


@dataclass(frozen=True)
class ClusterNow:
    """How far a run is."""

    frames: int
    """Of all outputs, encoded."""
    total: int | None
    """Of all outputs, as far as the inputs tell; an estimate where not all are opened yet."""
    seconds: float
    fps: float
    """Frames a second since the first segment was begun."""
    eta_s: float | None
    """Seconds that are left; None before the speed is known."""
    files_done: int
    files: int
    waiting: int
    """Workers that the cluster has no room for yet."""
    workers: tuple[WorkerNow, ...]

    def as_json(self) -> dict[str, Any]:
        """Returns the fields."""
        return {"event": "progress", **asdict(self)}


@dataclass(frozen=True)
class Warned:
    """Something to be warned of, said once."""

    text: str

    def as_json(self) -> dict[str, Any]:
        """Returns the fields."""
        return {"event": "warning", "message": self.text}


News = ClusterNow | Warned
