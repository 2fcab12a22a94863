"""Messages between head and workers: small dataclasses; nothing else is pickled, except chunks of bytes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from frame_booster.engine.memory_plan import Plan
from frame_booster.errors import FrameBoosterError, OutputError, UnexpectedError, as_known
from frame_booster.media.input.source import Resume
from frame_booster.options import BoostOptions
from frame_booster.pipeline.boundaries import Boundary, boundary_facts, boundary_from
from frame_booster.pipeline.cluster.machines import Machine
from frame_booster.pipeline.pairing import Counts


@dataclass(frozen=True)
class Setup:
    """Settings with which a worker is started."""

    options: BoostOptions
    """Options of the network: weights, device, precision, threads and so on; other options come with each task."""
    sharers: int
    """Most workers on one machine, which share its memory."""
    scratch: str | None
    """Shared folder in which this run has a subfolder for packets; None to send packets through Ray."""
    token: str
    """Name of that subfolder, by which a worker checks that it sees the same shared folder."""


@dataclass(frozen=True)
class Hello:
    """A worker's first answer, after it has loaded its network."""

    machine: Machine
    device: str
    kind: str
    """Model of the GPU or of the processor; equal models give equal bits."""
    precision: str
    engine: str
    provider: str | None

    @property
    def host(self) -> str:
        """Name of the machine."""
        return self.machine.host


@dataclass(frozen=True)
class Fixed:
    """Settings that affect frames or packets, which all workers share; chosen by the first worker."""

    name: str
    """Name of the network."""
    device: str
    precision: str
    engine: str
    provider: str | None
    threads: int | None
    """Threads of decoder and encoder; None is their default, for workers that have a machine's cores to themselves."""
    peers: tuple[Fixed, ...] = ()


@dataclass(frozen=True)
class Start:
    """The start of a segment."""

    after: Boundary | None
    """Boundary at which the segment starts; None is the start of the input."""
    exact: bool
    """Whether the previous segment is known to end here. Otherwise the segment starts at the first frame at or after
    the boundary, and the head compares that with the end of the previous segment later."""


@dataclass(frozen=True)
class Task:
    """A segment to make."""

    key: int
    """Number of the task in the run."""
    source: str
    target: str
    format: str
    """FFmpeg's name of the container."""
    options: BoostOptions
    number: int
    """Number of the segment in the grid of its file."""
    start: Start
    mask: str | None = None
    """SHA-256 of the mask."""


@dataclass(frozen=True)
class Made:
    """A finished segment on the worker's disk."""

    key: int
    number: int
    exact: bool
    first: Resume
    """Where the segment actually starts."""
    end: Boundary | None
    """Start of the next segment, with the counts of this segment alone; None at the end of the input."""
    frames: int
    """Number of frames of the output."""
    counts: Counts
    warnings: tuple[str, ...]
    truncated: str | None
    decode_errors: int
    path: str
    size: int
    """Bytes."""
    digest: str
    """SHA-256 of the file."""
    plans: tuple[Plan, ...]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Returns the facts, as JSON, from which a later run can use a segment whose predecessors are not finished."""
        return {
            "number": self.number,
            "exact": self.exact,
            "first": boundary_facts(Boundary(self.first, 0, 0, Counts())),
            "end": None if self.end is None else boundary_facts(self.end),
            "frames": self.frames,
            "counts": asdict(self.counts),
            "warnings": list(self.warnings),
            "truncated": self.truncated,
            "decode_errors": self.decode_errors,
        }

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Made:
        """Returns a segment from the facts of `as_json`, without its path and digest."""
        return cls(
            key=0,
            number=facts["number"],
            exact=facts["exact"],
            first=boundary_from(facts["first"]).next,
            end=None if facts["end"] is None else boundary_from(facts["end"]),
            frames=facts["frames"],
            counts=Counts(**facts["counts"]),
            warnings=tuple(facts["warnings"]),
            truncated=facts["truncated"],
            decode_errors=facts["decode_errors"],
            path="",
            size=0,
            digest="",
            plans=(),
            seconds=0.0,
        )


@dataclass(frozen=True)
class Empty:
    """No frame is in the segment: it lies in a gap, or the input ends before it."""

    key: int
    number: int


@dataclass(frozen=True)
class Failure:
    """An error of a worker; its key is 0 if the worker did not start."""

    key: int
    number: int
    exact: bool
    kind: str
    """Name of the error's class."""
    message: str
    path: str | None
    hint: str | None

    # Errors that may not occur on another machine: a full disk, too little memory, or an unknown cause.
    _ELSEWHERE: ClassVar = frozenset({"OutputError", "ModelError", "UnexpectedError", "Interrupted"})

    @classmethod
    def of(cls, error: Exception, key: int, number: int, *, exact: bool, source: str) -> Failure:
        """Returns an exception as a message."""
        known = as_known(error, source)
        if isinstance(error, OutputError):
            # The error's path is in the worker's own folder, which means nothing to the user.
            known = OutputError(f"a segment on a worker: {known.message}", path=source, hint=known.hint)
        path = None if known.path is None else str(known.path)
        return cls(key, number, exact, type(known).__name__, known.message, path, known.hint)

    @property
    def elsewhere(self) -> bool:
        """Whether another worker may succeed."""
        return self.kind in self._ELSEWHERE

    def error(self) -> FrameBoosterError:
        """Returns an exception to raise in the head."""
        kinds = {kind.__name__: kind for kind in FrameBoosterError.__subclasses__()}
        return kinds.get(self.kind, UnexpectedError)(self.message, path=self.path, hint=self.hint)


Answer = Made | Empty | Failure
