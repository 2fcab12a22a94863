"""How long a worker may show no sign of work: by the speed of its segment, or of its file."""

from __future__ import annotations

import time
from typing import Any

import pytest

from frame_booster.pipeline.cluster import crew as crew_module
from frame_booster.pipeline.cluster.crew import Crew, Lost, Member
from frame_booster.pipeline.cluster.messages import Start, Task
from frame_booster.pipeline.cluster.options import Patience
from frame_booster.pipeline.keywords import options_of


class Still:
    """Ray, where nothing happens; takes note of what is killed."""

    class exceptions:
        class RayError(Exception):
            """Is never raised."""

    def __init__(self) -> None:
        self.killed: list[Any] = []

    def wait(self, refs: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        return [], refs

    def kill(self, actor: Any, **_: Any) -> None:
        self.killed.append(actor)


@pytest.mark.parametrize(
    ("frames", "pace", "made", "limit"),
    [
        (0, None, 0, 900.0),
        (0, 0.1, 0, 300.0),
        (0, 0.1, 1, 120.0),
        (0, 30.0, 1, 900.0),
        (10, None, 0, 100.0),
        (100, 9.0, 1, 60.0),
    ],
)
def test_a_worker_that_stands_still_is_ended_after_its_own_time(
    frames: int, pace: float | None, made: int, limit: float
) -> None:
    """Ten frames in 20 s are 2 s a frame, and 50 times that."""
    for late in (False, True):
        ray, now = Still(), time.monotonic()
        crew = Crew(ray, lambda: None, Patience())
        task = Task(7, "in.mp4", "out.mp4", "mp4", options_of({}), 3, Start(None, exact=True))
        moved = now - limit + (-1.0 if late else 5.0)
        begun = moved - (20.0 if frames else 0.0)
        member = Member(1, "actor", "busy", None, task, made, frames, begun, moved, pace, waited="ref", asked="asked")
        crew.members.append(member)
        events = crew.events(0.0)
        assert ray.killed == (["actor"] if late else [])
        assert [isinstance(event, Lost) and event.task is task for _, event in events] == [True] * late
        assert (member in crew.members) is not late


def test_a_head_that_was_suspended_blames_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    ray, now = Still(), time.monotonic()
    crew = Crew(ray, lambda: None, Patience())
    task = Task(7, "in.mp4", "out.mp4", "mp4", options_of({}), 3, Start(None, exact=True))
    for number in range(3):
        crew.members.append(
            Member(number, f"actor {number}", "busy", None, task, 1, 100, now - 10, now, 0.1, "ref", "asked")
        )
    clock = [now]
    monkeypatch.setattr(crew_module.time, "monotonic", lambda: clock[0])
    assert crew.events(0.0) == []
    clock[0] += 3_600
    assert crew.events(0.0) == [], "what they have done in this hour it has yet to hear"
    for _ in range(65):
        clock[0] += 1
        lost = crew.events(0.0)
        if lost:
            break
    assert len(ray.killed) == len(lost) == 3, "who stands still from then on is late as ever"
