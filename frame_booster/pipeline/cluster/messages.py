"""What head and workers tell each other: small dataclasses, and nothing else is pickled."""

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
    """What a worker needs to know before its first task."""

    options: BoostOptions
    """Network, weights, device, precision and threads; the other fields are those of the tasks."""
    sharers: int
    """Workers on a machine, which share its memory."""
    scratch: str | None
    """Shared folder, in which the run has one of its own for packets."""
    token: str
    """Name of that one, by which the shared folder is known to be the same."""


@dataclass(frozen=True)
class Hello:
    """What a worker says of itself when its network is loaded."""

    machine: Machine
    device: str
    kind: str
    """Model of the GPU, or of the processor: one kind gives the same bits everywhere."""
    precision: str
    engine: str
    provider: str | None

    @property
    def host(self) -> str:
        """Name of the machine."""
        return self.machine.host


@dataclass(frozen=True)
class Fixed:
    """What changes a frame or a packet, and is the same on all machines; as the first worker has it."""

    name: str
    """Of the network."""
    device: str
    precision: str
    engine: str
    provider: str | None
    threads: int | None
    """Of decoder and encoder; None is their own choice on a machine whose cores a worker has for itself."""
    peers: tuple[Fixed, ...] = ()


@dataclass(frozen=True)
class Start:
    """Where a segment begins: None is the beginning of the input."""

    after: Boundary | None
    exact: bool
    """Whether the end of the segment before is known to be this. Else a segment begins at the first frame not before
    it, and whether that is where the one before has ended is seen later."""


@dataclass(frozen=True)
class Task:
    """A segment to be made."""

    key: int
    """Number of the task in the run."""
    source: str
    target: str
    format: str
    """FFmpeg's name of the container."""
    options: BoostOptions
    number: int
    """Of the segment, in the grid of its file."""
    start: Start
    mask: str | None = None
    """SHA-256 of the mask."""


@dataclass(frozen=True)
class Made:
    """A segment that is made, and lies on the worker's disk."""

    key: int
    number: int
    exact: bool
    first: Resume
    """Where it begins, in truth."""
    end: Boundary | None
    """Where the next begins, with the counts of this one alone; None where the input ends."""
    frames: int
    """Of the output."""
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
        """Returns as JSON what a later run has to know of a segment that is made ahead of its turn."""
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
        """Returns the segment of which `as_json` gave these facts; where it lies is not among them."""
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
    """There is no frame in the segment: a gap, or the input ends before it."""

    key: int
    number: int


@dataclass(frozen=True)
class Failure:
    """What went wrong."""

    key: int
    number: int
    exact: bool
    kind: str
    """Name of the error's class."""
    message: str
    path: str | None
    hint: str | None

    # What another machine may do better: its disk is full, its memory too small, or the fault is not known.
    _ELSEWHERE: ClassVar = frozenset({"OutputError", "ModelError", "UnexpectedError", "Interrupted"})

    @classmethod
    def of(cls, error: Exception, key: int, number: int, *, exact: bool, source: str) -> Failure:
        """Returns what is to be told of an exception."""
        known = as_known(error, source)
        if isinstance(error, OutputError):
            # The file is one of a folder of the worker's own.
            known = OutputError(f"a segment on a worker: {known.message}", path=source, hint=known.hint)
        path = None if known.path is None else str(known.path)
        return cls(key, number, exact, type(known).__name__, known.message, path, known.hint)

    @property
    def elsewhere(self) -> bool:
        """Whether another worker may succeed."""
        return self.kind in self._ELSEWHERE

    def error(self) -> FrameBoosterError:
        """Returns it as an error to raise."""
        kinds = {kind.__name__: kind for kind in FrameBoosterError.__subclasses__()}
        return kinds.get(self.kind, UnexpectedError)(self.message, path=self.path, hint=self.hint)


Answer = Made | Empty | Failure
