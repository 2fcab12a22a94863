"""The workers of a run: begun as there is room for them, watched, and replaced when they are lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from frame_booster.pipeline.cluster.messages import Answer, Failure, Hello, Task
from frame_booster.pipeline.cluster.options import Patience

_ASK_S = 0.5
"""How often a worker is asked for its progress."""
_STALLED_S = 5.0
"""A head that has not looked for so long was held up itself, and no worker is late for that."""
_ASKED_A_SECOND = 200
"""Workers that are asked in a second, at most: of a thousand, each is asked every 5 s."""


@dataclass(eq=False)
class Member:
    """A worker, as the head knows it."""

    number: int
    actor: Any
    state: str = "pending"
    """pending (there is no room for it yet), starting, idle or busy."""
    hello: Hello | None = None
    task: Task | None = None
    made: int = 0
    """Tasks that it has ended."""
    frames: int = 0
    """Of the task, so far."""
    begun: float = 0.0
    """When the task, or the start, began."""
    moved: float = 0.0
    """When its frames last became more."""
    pace: float | None = None
    """Mean time of a frame that is usual for the task's file, s."""
    waited: Any = None
    """Ray's reference to what it is at."""
    asked: Any = None
    asked_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Lost:
    """A worker is gone, or was ended because it did not move."""

    why: str
    task: Task | None
    started: bool
    """Whether it had begun to load the network, at least."""


Event = tuple[Member, "Hello | Answer | Lost"]


class Crew:
    """Workers that come and go.

    Args:
      ray: connected.
      begin: begins another worker, and returns Ray's handle of it.
      patience: how long one may show no sign of work.
    """

    def __init__(self, ray: Any, begin: Callable[[], Any], patience: Patience) -> None:
        self._ray, self._begin, self._patience = ray, begin, patience
        self.members: list[Member] = []
        self.begun = 0
        """Workers that were ever begun."""
        self._looked = time.monotonic()

    def hire(self) -> None:
        """Begins a worker; it waits until the cluster has room, and has an autoscaler make it."""
        self.begun += 1
        member = Member(self.begun, self._begin())
        member.asked = member.actor.progress.remote()
        self.members.append(member)

    def in_state(self, *states: str) -> list[Member]:
        """Returns the workers in some states."""
        return [member for member in self.members if member.state in states]

    def give(self, member: Member, task: Task, pace: float | None) -> None:
        """Has an idle worker make a segment."""
        member.state, member.task, member.frames, member.pace = "busy", task, 0, pace
        member.begun = member.moved = time.monotonic()
        member.waited = member.actor.make.remote(task)

    def stop(self, member: Member) -> None:
        """Has a worker end its task, whose segment is of no use any more."""
        if member.task is not None:
            member.actor.stop.remote(member.task.key)

    def dismiss(self, member: Member) -> None:
        """Ends a worker at once."""
        if member in self.members:
            self.members.remove(member)
        try:
            self._ray.kill(member.actor, no_restart=True)
        except self._ray.exceptions.RayError:
            # It is gone already, or the cluster is.
            return

    def dismiss_all(self, *, patience: float = 0.0) -> None:
        """Ends all at once; those that are idle may clear up before, for so long, s."""
        leaving = [member.actor.leave.remote() for member in self.in_state("idle")] if patience else []
        if leaving:
            self._ray.wait(leaving, num_returns=len(leaving), timeout=patience)
        for member in list(self.members):
            self.dismiss(member)

    def events(self, timeout: float) -> list[Event]:
        """Waits until something has happened, at most so long, s; returns it."""
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
        # Ray's client gives equal references, and not the same.
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
            # It was suspended, or waited for a disk; what the workers have done meanwhile it has yet to hear.
            for member in self.members:
                member.begun, member.moved = member.begun + stalled, min(member.moved + stalled, now)
        late = [m for m in self.in_state("starting", "busy") if now - m.moved > self._limit(m)]
        return [self._lose(m, f"a worker on {_host(m)} did not move for {now - m.moved:.0f} s") for m in late]

    def _limit(self, member: Member) -> float:
        """Returns how long a worker may take for its next frame, s: by the speed of the segment, or of its file."""
        patience = self._patience
        pace = (member.moved - member.begun) / member.frames if member.frames else member.pace
        if pace is None:
            return patience.first_s
        limit = max(patience.least_s, patience.frames * pace)
        if member.frames:
            return limit
        # Before its first frame the input is opened, and sought in; before a worker's first, its network is compiled.
        return min(patience.first_s, max(2 * limit, 0.0 if member.made else patience.first_s / 3))

    def _lose(self, member: Member, why: str) -> Event:
        self.dismiss(member)
        return member, Lost(why, member.task, member.state != "pending")


def _host(member: Member) -> str:
    return "a machine" if member.hello is None else member.hello.host


def _reason(error: Exception) -> str:
    """Returns the line of Ray's message that says most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
