"""Options of a run on a cluster, in addition to those of its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from frame_booster.errors import InputError


@dataclass(frozen=True)
class Patience:
    """How long a worker may make no progress before it is replaced."""

    first_s: float = 900.0
    """Longest time to the first frame, in s, in which the network is loaded and compiled."""
    least_s: float = 60.0
    """Shortest limit between two frames, in s."""
    frames: int = 50
    """Limit between two frames as a multiple of the mean time per frame, if that is longer than `least_s`."""


@dataclass(frozen=True)
class ClusterOptions:
    """Address of a cluster, and how it is used.

    Raises:
      InputError: a value is out of range.
    """

    address: str
    """"auto" (a running cluster, else a new one on this machine), "local", "HOST:PORT" or "ray://HOST:10001"."""
    cpus: int | None = None
    """Cores per worker; None is `CPUS` for workers without a GPU, and 1 with a GPU."""
    workers: int | None = None
    """Most workers; None is as many as the cluster has room for, also when it grows."""
    scratch: Path | None = None
    """Folder shared by all machines for packets; None sends packets through Ray's object store."""
    patience: Patience = Patience()
    tries: int = 4
    """How often a segment is begun before its file fails."""

    def __post_init__(self) -> None:
        if self.cpus is not None and self.cpus < 1:
            raise InputError(f"--cluster-cpus {self.cpus} is not positive")
        if self.workers is not None and self.workers < 1:
            raise InputError(f"--cluster-workers {self.workers} is not positive")


CPUS = 2
"""Default number of cores of a worker without a GPU."""
