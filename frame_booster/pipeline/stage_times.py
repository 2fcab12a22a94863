"""Times of the stages of a run, measured in the threads that do the work.

Stages work in parallel, so the slowest is the one that hardly waits for others. The remaining time of each thread is
spent waiting for the network, or for a queue that is empty or full.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, fields
from types import TracebackType

AT_ONCE = ("decode", "pair", "network", "encode")
"""Stages that work in parallel, of which the slowest determines the speed of a run."""


class Stopwatch:
    """Context that measures the total time during which at least one thread is inside it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._since = self._total = 0.0

    def __enter__(self) -> Stopwatch:
        with self._lock:
            if not self._inside:
                self._since = time.monotonic()
            self._inside += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._total += time.monotonic() - self._since

    @property
    def seconds(self) -> float:
        """The total time so far in s, including the current one."""
        with self._lock:
            return self._total + (time.monotonic() - self._since if self._inside else 0.0)


@dataclass(frozen=True)
class StageTimes:
    """Seconds during which each stage of a run was busy.

    This is wall-clock time, so it includes waiting for a processor core, and the sum can exceed the time of the run.
    """

    load: float = 0.0
    """Loading the network; only decoding runs in parallel."""
    decode: float = 0.0
    """Reading and decoding the input."""
    pair: float = 0.0
    """Comparing neighbouring frames to find cuts and still pairs, and preparing them for the network."""
    network: float = 0.0
    """Interpolating, including compilation at the first frames."""
    encode: float = 0.0
    """Encoding and writing."""
    join: float = 0.0
    """Joining segments."""
    check: float = 0.0
    """Reading the output back."""

    @property
    def slowest(self) -> str | None:
        """Name of the stage that determines the speed; None if no stage has worked yet."""
        name = max(AT_ONCE, key=lambda stage: float(getattr(self, stage)))
        return name if getattr(self, name) > 0 else None

    def shares(self, seconds: float) -> dict[str, float]:
        """Returns, for each stage that has worked, the share of `seconds` during which it was busy, in [0, 1]."""
        times = {f.name: float(getattr(self, f.name)) for f in fields(self)}
        return {name: round(min(s / seconds, 1.0), 3) for name, s in times.items() if s > 0 and seconds > 0}

    def since(self, earlier: StageTimes) -> StageTimes:
        """Returns the difference to earlier times of the same run."""
        return StageTimes(
            **{f.name: max(getattr(self, f.name) - getattr(earlier, f.name), 0.0) for f in fields(StageTimes)}
        )

    def __add__(self, other: StageTimes) -> StageTimes:
        return StageTimes(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(StageTimes)})

    def as_json(self) -> dict[str, float]:
        """Returns the seconds by stage, rounded to milliseconds."""
        return {f.name: round(getattr(self, f.name), 3) for f in fields(self)}


class StageClocks:
    """Stopwatches of the threads of a job."""

    def __init__(self) -> None:
        self.reader, self.pairing, self.writer = Stopwatch(), Stopwatch(), Stopwatch()
        """Time since the start of each thread."""
        self.load, self.sink = Stopwatch(), Stopwatch()
        """Time during which the pairing thread loads the network, and waits for the sink to open."""
        self.network, self.awaited = Stopwatch(), Stopwatch()
        """Time during which the network is busy, and during which the pairing thread waits for it."""
        self.inbox_empty, self.inbox_full = Stopwatch(), Stopwatch()
        self.outbox_empty, self.outbox_full = Stopwatch(), Stopwatch()
        """Time during which threads wait for the queues between them."""

    def times(self) -> StageTimes:
        """Returns the times of the stages so far."""
        waited = (self.load, self.sink, self.awaited, self.inbox_empty, self.outbox_full)
        return StageTimes(
            load=self.load.seconds,
            decode=max(self.reader.seconds - self.inbox_full.seconds, 0.0),
            pair=max(self.pairing.seconds - sum(watch.seconds for watch in waited), 0.0),
            network=self.network.seconds,
            encode=max(self.writer.seconds - self.outbox_empty.seconds, 0.0),
        )
