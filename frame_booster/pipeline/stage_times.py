"""Where the time of a run goes: seconds of each stage, measured at the threads that do its work.

Stages work at the same time, so the slowest is the one that hardly ever waits for another; the rest of each thread's
time is waiting, at a queue that is empty or full, or for the network.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, fields
from types import TracebackType

AT_ONCE = ("decode", "pair", "network", "encode")
"""Stages that work at the same time, of which the slowest sets the speed of a run."""


class Stopwatch:
    """Adds up the time in which at least one thread is inside it; threads enter and leave it by `with`."""

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
        """The time so far, s, with what has begun and not ended."""
        with self._lock:
            return self._total + (time.monotonic() - self._since if self._inside else 0.0)


@dataclass(frozen=True)
class StageTimes:
    """Seconds in which each stage of a run was at work.

    They are of the clock, so they hold waits for a core of the processor too, and their sum may exceed the run's time.
    """

    load: float = 0.0
    """Loading the network, while nothing else but decoding works."""
    decode: float = 0.0
    """Reading and decoding the input."""
    pair: float = 0.0
    """Comparing neighbouring frames, to find cuts and still pairs, and getting them ready for the network."""
    network: float = 0.0
    """Interpolating, with what the network compiles at its first frames."""
    encode: float = 0.0
    """Encoding and writing."""
    join: float = 0.0
    """Joining segments, of runs that can be taken up again."""
    check: float = 0.0
    """Reading the output back."""

    @property
    def slowest(self) -> str | None:
        """Name of the stage that sets the speed; None where none has worked yet."""
        name = max(AT_ONCE, key=lambda stage: float(getattr(self, stage)))
        return name if getattr(self, name) > 0 else None

    def shares(self, seconds: float) -> dict[str, float]:
        """Returns, for each stage that has worked, the share of so many seconds in which it was at work, 0 to 1."""
        times = {f.name: float(getattr(self, f.name)) for f in fields(self)}
        return {name: round(min(s / seconds, 1.0), 3) for name, s in times.items() if s > 0 and seconds > 0}

    def since(self, earlier: StageTimes) -> StageTimes:
        """Returns what has been added to earlier times of the same run."""
        return StageTimes(
            **{f.name: max(getattr(self, f.name) - getattr(earlier, f.name), 0.0) for f in fields(StageTimes)}
        )

    def __add__(self, other: StageTimes) -> StageTimes:
        return StageTimes(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(StageTimes)})

    def as_json(self) -> dict[str, float]:
        """Returns seconds by the names of the stages, to the millisecond."""
        return {f.name: round(getattr(self, f.name), 3) for f in fields(self)}


class StageClocks:
    """Stopwatches of the threads of one job."""

    def __init__(self) -> None:
        self.reader, self.pairing, self.writer = Stopwatch(), Stopwatch(), Stopwatch()
        """How long each thread has been there."""
        self.load, self.sink = Stopwatch(), Stopwatch()
        """How long the pairing's thread has loaded the network, and has waited for the sink to open."""
        self.network, self.awaited = Stopwatch(), Stopwatch()
        """How long the network was at work, and how long the pairing's thread has waited for it."""
        self.inbox_empty, self.inbox_full = Stopwatch(), Stopwatch()
        self.outbox_empty, self.outbox_full = Stopwatch(), Stopwatch()
        """How long threads have waited at the queues between them."""

    def times(self) -> StageTimes:
        """Returns what the stopwatches tell of the stages, so far."""
        waited = (self.load, self.sink, self.awaited, self.inbox_empty, self.outbox_full)
        return StageTimes(
            load=self.load.seconds,
            decode=max(self.reader.seconds - self.inbox_full.seconds, 0.0),
            pair=max(self.pairing.seconds - sum(watch.seconds for watch in waited), 0.0),
            network=self.network.seconds,
            encode=max(self.writer.seconds - self.outbox_empty.seconds, 0.0),
        )
