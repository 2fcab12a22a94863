"""Hiring of workers on a cluster: how many to start, which to accept, and the settings they must share."""

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
"""After this many failed starts in a row no more workers are started."""


@dataclass(frozen=True)
class Place:
    """Facts about the cluster, gathered before the work."""

    begin: Callable[[Setup], Any]
    """Starts a worker and returns its actor handle."""
    capacity: int
    """Number of workers for which the cluster has room at present."""
    grows: bool
    """Whether machines may join the cluster."""
    threads: int | None
    """Threads of decoder and encoder, as `Fixed.threads`."""
    head: Machine
    """Facts about the machine of the head."""


class Hiring:
    """Keeps as many workers as there is room and work for.

    Args:
      ray: the Ray module, connected.
      place: facts about the cluster.
      setup: setup of all workers.
      options: options of all files.
      cluster: options of the cluster.
      warn: called with the text of a warning, and optionally with a prefix: one warning per prefix is shown.
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
        """Settings that all workers must share: those of the first worker, None before it has started."""
        self._kind: str | None = None
        self._first: Machine | None = None
        self._bad_starts = 0
        self._why_bad: FrameBoosterError | None = None

    def hire(self, wanted: int | None) -> None:
        """Starts workers if there is room and work for more; dismisses pending ones if there is no more work.

        Args:
          wanted: how many more workers would have work; None if unknown.

        Raises:
          FrameBoosterError: several workers failed to start, and none is running.
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
        """Records that a worker cannot be used."""
        self._bad_starts += 1
        self._why_bad = error
        self._warn(f"a worker is not used: {error}")

    def greet(self, member: Member, hello: Hello) -> None:
        """Accepts or dismisses a worker that has loaded its network.

        The settings of the first worker (`Fixed`) are required of all others.
        """
        place = self._place
        try:
            check_alike([self._first or hello.machine, hello.machine], place.head)
        except ModelError as error:
            # Only a machine that joined later can differ: the others were compared before the work.
            self.crew.dismiss(member)
            self.bad_start(error)
            return
        if self.fixed is None:
            name = self._options.model
            self.fixed = Fixed(name, hello.device, hello.precision, hello.engine, hello.provider, place.threads)
            self._kind, self._first = hello.kind, hello.machine
            # Later workers use these settings instead of choosing their own.
            chosen = replace(
                self._setup.options,
                precision=hello.precision,
                engine=hello.engine,
                provider=hello.provider or "auto",
            )
            self._setup = replace(self._setup, options=chosen)
        elif any(getattr(hello, name) != getattr(self.fixed, name) for name in ("precision", "engine", "provider")):
            # This worker chose before the settings were fixed; its replacement is started with them.
            self.crew.dismiss(member)
        elif hello.kind != self._kind:
            text = f"the machines have different hardware ({hello.kind} on {hello.host}, {self._kind} before)"
            if self._options.source.strict:
                self.crew.dismiss(member)
                self.bad_start(ModelError(text, hint="without --strict this is only a warning"))
            else:
                self._warn(f"{text}: frames may differ in the last bits", "the machines have different hardware")
        if member in self.crew.members:
            self._bad_starts = 0
