"""What a run on a cluster is asked to do, beside the options of its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from frame_booster.errors import InputError


@dataclass(frozen=True)
class Patience:
    """How long a worker may show no sign of work before it is replaced."""

    first_s: float = 900.0
    """Up to the first frame: the network is loaded and compiled before it."""
    least_s: float = 60.0
    """Between two frames, whatever the speed."""
    frames: int = 50
    """In so many times the mean time of a frame of the segment, the next must come, where that is longer."""


@dataclass(frozen=True)
class ClusterOptions:
    """Which cluster, and how it is used.

    Raises:
      InputError: a value is out of range.
    """

    address: str
    """"auto" (a running cluster, or one on this machine), "local", "HOST:PORT" or "ray://HOST:10001"."""
    cpus: int | None = None
    """Cores of a worker; None is `CPUS` where workers have no GPU, and 1 beside a GPU."""
    workers: int | None = None
    """The most workers; None is as many as the cluster has or grows to."""
    scratch: Path | None = None
    """Folder that all machines share, through which packets come; None is Ray's object store."""
    patience: Patience = Patience()
    tries: int = 4
    """How often a segment is begun before its file has failed."""

    def __post_init__(self) -> None:
        if self.cpus is not None and self.cpus < 1:
            raise InputError(f"{self.cpus} cores are not enough for a worker")
        if self.workers is not None and self.workers < 1:
            raise InputError(f"{self.workers} workers are not enough")


CPUS = 2
"""Cores of a worker without a GPU."""
