"""How far a run on a cluster has come: frames of all files, and an estimate of those that are not open yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from frame_booster.pipeline.cluster.progress import ClusterProgress


@dataclass
class _Work:
    frames: int
    total: int | None


@dataclass
class _Member:
    frames: int
    number: int = 1
    hello: Any = None
    task: Any = None


@dataclass
class _Crew:
    busy: list[_Member] = field(default_factory=list)

    def in_state(self, *states: str) -> list[_Member]:
        return self.busy if "busy" in states else []


def test_the_length_of_files_that_are_not_open_is_estimated_by_their_bytes() -> None:
    progress = ClusterProgress([300, 100, 100])
    assert progress.now([], _Crew()).total is None  # type: ignore[arg-type]
    first = _Work(frames=10, total=600)
    progress.opening()
    progress.opened(first)  # type: ignore[arg-type]
    now = progress.now([first], _Crew([_Member(frames=5)]))  # type: ignore[list-item, arg-type]
    assert (now.frames, now.total, now.files, now.files_done) == (15, 1000, 3, 0)
    for _ in range(2):
        progress.opening()
        progress.opened(_Work(frames=0, total=150))  # type: ignore[arg-type]
    assert progress.now([first], _Crew()).total == 900  # type: ignore[list-item, arg-type]


def test_frames_of_files_that_are_left_still_count() -> None:
    progress = ClusterProgress([1])
    work = _Work(frames=7, total=8)
    progress.opening()
    progress.opened(work)  # type: ignore[arg-type]
    progress.left(work)  # type: ignore[arg-type]
    progress.ended()
    now = progress.now([], _Crew())  # type: ignore[arg-type]
    assert (now.frames, now.files_done) == (7, 1)
    assert now.fps == 0.0
    assert now.eta_s is None


def test_news_are_due_at_once_and_then_not_for_a_while() -> None:
    progress = ClusterProgress([1])
    assert progress.is_due()
    assert not progress.is_due()
