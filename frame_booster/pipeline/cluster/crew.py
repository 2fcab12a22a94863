"""The workers of a run: starts them, polls their progress, and reports those that are lost or stuck."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from frame_booster.pipeline.cluster.messages import Answer, Failure, Hello, Task
from frame_booster.pipeline.cluster.options import Patience

_ASK_S = 0.5
"""Interval at which a worker is asked for its progress, in s."""
_STALLED_S = 5.0
"""If the head itself was held up for longer than this, in s, that time is not counted against workers."""
_ASKED_A_SECOND = 200
"""Most progress requests per second: each of a thousand workers is asked every 5 s."""


@dataclass(eq=False)
class Member:
    """The head's record of a worker."""

    number: int
    actor: Any
    state: str = "pending"
    """pending (the cluster has no room for it yet), starting, idle or busy."""
    hello: Hello | None = None
    task: Task | None = None
    made: int = 0
    """Number of finished tasks."""
    frames: int = 0
    """Number of encoded frames of the current task."""
    begun: float = 0.0
    """Time at which the current task, or the loading of the network, began."""
    moved: float = 0.0
    """Time at which `frames` last increased."""
    pace: float | None = None
    """Longest mean time per frame in finished segments of the task's file, in s; None if unknown."""
    waited: Any = None
    """Ray's reference to the result of the current call of `hello` or `make`."""
    asked: Any = None
    """Ray's reference to the result of a pending call of `progress`."""
    asked_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Lost:
    """A worker is gone, or was killed because it made no progress."""

    why: str
    task: Task | None
    started: bool
    """Whether the worker's process had started, and so at least begun to load the network."""


Event = tuple[Member, "Hello | Answer | Lost"]


class Crew:
    """The current workers of a run.

    Args:
      ray: the Ray module, connected.
      begin: starts a worker and returns its actor handle.
      patience: how long a worker may make no progress.
    """

    def __init__(self, ray: Any, begin: Callable[[], Any], patience: Patience) -> None:
        self._ray, self._begin, self._patience = ray, begin, patience
        self.members: list[Member] = []
        self.begun = 0
        """Number of workers ever started."""
        self._looked = time.monotonic()

    def hire(self) -> None:
        """Requests a worker; it is pending until the cluster has room, for which an autoscaler may add a machine."""
        self.begun += 1
        member = Member(self.begun, self._begin())
        member.asked = member.actor.progress.remote()
        self.members.append(member)

    def in_state(self, *states: str) -> list[Member]:
        """Returns the workers in any of these states."""
        return [member for member in self.members if member.state in states]

    def give(self, member: Member, task: Task, pace: float | None) -> None:
        """Starts a task on an idle worker."""
        member.state, member.task, member.frames, member.pace = "busy", task, 0, pace
        member.begun = member.moved = time.monotonic()
        member.waited = member.actor.make.remote(task)

    def stop(self, member: Member) -> None:
        """Asks a worker to end its task, whose segment is not needed any more."""
        if member.task is not None:
            member.actor.stop.remote(member.task.key)

    def dismiss(self, member: Member) -> None:
        """Kills a worker and forgets it."""
        if member in self.members:
            self.members.remove(member)
        try:
            self._ray.kill(member.actor, no_restart=True)
        except self._ray.exceptions.RayError:
            # The worker or the cluster is gone already.
            return

    def dismiss_all(self, *, patience: float = 0.0) -> None:
        """Kills all workers; idle ones may clean up before that, for `patience` s."""
        leaving = [member.actor.leave.remote() for member in self.in_state("idle")] if patience else []
        if leaving:
            self._ray.wait(leaving, num_returns=len(leaving), timeout=patience)
        for member in list(self.members):
            self.dismiss(member)

    def events(self, timeout: float) -> list[Event]:
        """Waits at most `timeout` s for answers of workers; returns them, and the workers that were lost."""
        now = time.monotonic()
        every = max(_ASK_S, len(self.members) / _ASKED_A_SECOND)
        for member in self.members:
            if member.asked is None and member.state in ("starting", "busy") and now - member.asked_at >= every:
                member.asked, member.asked_at = member.actor.progress.remote(), now
        of = {ref: member for member in self.members for ref in (member.waited, member.asked) if ref is not None}
        if not of:
            time.sleep(timeout)
            return []
        ready, _ = self._ray.wait(list(of), num_returns=1, timeout=timeout)
        if ready:
            ready, _ = self._ray.wait(list(of), num_returns=len(of), timeout=0)
        found = []
        for ref in ready:
            member = of[ref]
            if member in self.members:
                found += self._heard(member, ref)
        return found + self._overdue()

    def _heard(self, member: Member, ref: Any) -> list[Event]:
        try:
            answer = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            return [self._lose(member, f"a worker was lost: {_reason(error)}")]
        now = time.monotonic()
        # Ray's client returns references that are equal, but not identical.
        if ref == member.asked:
            member.asked = None
            if member.state == "pending":
                member.state, member.begun, member.moved = "starting", now, now
                member.waited = member.actor.hello.remote()
            elif member.task is not None and answer[0] == member.task.key and answer[1] > member.frames:
                member.frames, member.moved = answer[1], now
            return []
        member.waited, member.task, task = None, None, member.task
        member.state, member.made = "idle", member.made + (task is not None)
        if isinstance(answer, Hello):
            member.hello = answer
        elif isinstance(answer, Failure) and task is None:
            self.dismiss(member)
        return [(member, answer)]

    def _overdue(self) -> list[Event]:
        now = time.monotonic()
        stalled, self._looked = now - self._looked, now
        if stalled > _STALLED_S:
            # The head was suspended or waited for a disk, and has not yet received the workers' progress.
            for member in self.members:
                member.begun, member.moved = member.begun + stalled, min(member.moved + stalled, now)
        late = [m for m in self.in_state("starting", "busy") if now - m.moved > self._limit(m)]
        return [self._lose(m, f"a worker on {_host(m)} made no progress for {now - m.moved:.0f} s") for m in late]

    def _limit(self, member: Member) -> float:
        """Returns how long a worker may take for its next frame, in s, by the pace of its segment or of its file."""
        patience = self._patience
        pace = (member.moved - member.begun) / member.frames if member.frames else member.pace
        if pace is None:
            return patience.first_s
        limit = max(patience.least_s, patience.frames * pace)
        if member.frames:
            return limit
        # Before a segment's first frame the input is opened and sought; before a worker's first, the network compiled.
        return min(patience.first_s, max(2 * limit, 0.0 if member.made else patience.first_s / 3))

    def _lose(self, member: Member, why: str) -> Event:
        self.dismiss(member)
        return member, Lost(why, member.task, member.state != "pending")


def _host(member: Member) -> str:
    return "a machine" if member.hello is None else member.hello.host


def _reason(error: Exception) -> str:
    """Returns the first line of Ray's message, or the name of the error if it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
