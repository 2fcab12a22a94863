"""Hiring of workers on a cluster: how many are begun, which are accepted, and what the first fixes for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from frame_booster.errors import FrameBoosterError, ModelError
from frame_booster.options import BoostOptions
from frame_booster.pipeline.cluster.crew import Crew, Member
from frame_booster.pipeline.cluster.machines import Machine, check_alike
from frame_booster.pipeline.cluster.messages import Fixed, Hello, Setup
from frame_booster.pipeline.cluster.options import ClusterOptions

_BAD_STARTS = 3
"""Workers that may fail to start, one after the other, before no more are begun."""


@dataclass(frozen=True)
class Place:
    """What the cluster is, as it was found before the work."""

    begin: Callable[[Setup], Any]
    """Begins a worker; returns Ray's handle of it."""
    capacity: int
    """Workers that there is room for at present."""
    grows: bool
    """Whether more machines may come."""
    threads: int | None
    """Of decoder and encoder, as `Fixed.threads`."""
    head: Machine


class Hiring:
    """Keeps a crew as large as there is room and work for.

    Args:
      ray: connected.
      place: the cluster.
      setup: of all workers.
      options: of all files.
      cluster: how the cluster is used.
      warn: told once of each thing to warn of; by the beginning of its text, if that is given.
    """

    def __init__(
        self,
        ray: Any,
        place: Place,
        setup: Setup,
        options: BoostOptions,
        cluster: ClusterOptions,
        warn: Callable[..., None],
    ) -> None:
        self._place, self._setup, self._options, self._warn = place, setup, options, warn
        self._most = cluster.workers
        self.crew = Crew(ray, lambda: place.begin(self._setup), cluster.patience)
        self.fixed: Fixed | None = None
        """What all workers have in common, once the first has started."""
        self._kind: str | None = None
        self._first: Machine | None = None
        self._bad_starts = 0
        self._why_bad: FrameBoosterError | None = None

    def hire(self, wanted: int | None) -> None:
        """Begins workers where there is room and work for more.

        Args:
          wanted: how many more would find work; None while that is not known.

        Raises:
          FrameBoosterError: no worker has started, and several have failed to.
        """
        crew, ready = self.crew, len(self.crew.in_state("idle", "busy"))
        most = self._most or len(crew.members) + self._place.capacity + 1
        if wanted is not None:
            most = min(most, len(crew.in_state("busy")) + wanted)
            if not wanted:
                for member in crew.in_state("pending"):
                    crew.dismiss(member)
        started = ready + len(crew.in_state("starting"))
        target = max(self._place.capacity, started + max(ready, 1)) if self._place.grows else self._place.capacity
        if self._bad_starts >= _BAD_STARTS:
            if not started and self._why_bad is not None:
                raise self._why_bad
            target = started
        while len(crew.members) < min(target, most):
            crew.hire()

    def bad_start(self, error: FrameBoosterError) -> None:
        """Takes note of a worker that cannot be used."""
        self._bad_starts += 1
        self._why_bad = error
        self._warn(f"a worker is left out: {error}")

    def greet(self, member: Member, hello: Hello) -> None:
        """Accepts a worker that has loaded its network, or dismisses it.

        What the first of them has chosen (`Fixed`) is asked of all others.
        """
        place = self._place
        try:
            check_alike([self._first or hello.machine, hello.machine], place.head)
        except ModelError as error:
            # One that came after the work had begun: those that were there before are asked before it.
            self.crew.dismiss(member)
            self.bad_start(error)
            return
        if self.fixed is None:
            name = self._options.model
            self.fixed = Fixed(name, hello.device, hello.precision, hello.engine, hello.provider, place.threads)
            self._kind, self._first = hello.kind, hello.machine
            # Those that come later do not choose for themselves.
            chosen = replace(
                self._setup.options,
                precision=hello.precision,
                engine=hello.engine,
                provider=hello.provider or "auto",
            )
            self._setup = replace(self._setup, options=chosen)
        elif any(getattr(hello, name) != getattr(self.fixed, name) for name in ("precision", "engine", "provider")):
            # It has chosen for itself; another takes its place, and is told.
            self.crew.dismiss(member)
        elif hello.kind != self._kind:
            text = f"machines differ in kind ({hello.kind} on {hello.host}, {self._kind} before)"
            if self._options.source.strict:
                self.crew.dismiss(member)
                self.bad_start(ModelError(text, hint="without --strict frames may differ in their last bits"))
            else:
                self._warn(f"{text}: frames may differ in their last bits", "machines differ in kind")
        if member in self.crew.members:
            self._bad_starts = 0
