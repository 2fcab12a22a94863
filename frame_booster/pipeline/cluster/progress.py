"""Progress of a run on a cluster, computed from its files and workers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from frame_booster.pipeline.cluster.crew import Crew, Member
from frame_booster.pipeline.cluster.file_work import FileWork
from frame_booster.pipeline.cluster.news import ClusterNow, WorkerNow

_NEWS_S = 0.5
"""Interval between two reports, in s."""


class ClusterProgress:
    """Counts frames and files.

    Args:
      sizes: bytes of the inputs in the order of their opening, from which the length of unopened ones is estimated.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._opened_files = self._ended_files = 0
        self._opened_frames = self._left_frames = 0
        self._began = time.monotonic()
        self._work_began: float | None = None
        self._told_at = 0.0

    def opening(self) -> None:
        """Records that the next file is being opened."""
        self._opened_files += 1

    def opened(self, work: FileWork) -> None:
        """Records that a file is open, so that its number of frames may be known."""
        self._opened_frames += work.total or 0

    def work_begins(self) -> None:
        """Records that a segment is assigned to a worker."""
        self._work_began = self._work_began or time.monotonic()

    def left(self, work: FileWork) -> None:
        """Records that work on a file has ended."""
        self._left_frames += work.frames

    def ended(self) -> None:
        """Records that a file is done or has failed."""
        self._ended_files += 1

    def is_due(self) -> bool:
        """Returns whether a report is due; if so, starts the next interval."""
        now = time.monotonic()
        due = now - self._told_at >= _NEWS_S
        if due:
            self._told_at = now
        return due

    def now(self, active: Sequence[FileWork], crew: Crew) -> ClusterNow:
        """Returns the progress of the run.

        Args:
          active: files in progress.
          crew: the workers.
        """
        busy = crew.in_state("busy")
        frames = self._left_frames + sum(work.frames for work in active) + sum(m.frames for m in busy)
        total: int | None = self._opened_frames or None
        if total is not None and self._opened_files < len(self._sizes):
            total = round(total * sum(self._sizes) / max(sum(self._sizes[: self._opened_files]), 1))
        now = time.monotonic()
        worked = 0.0 if self._work_began is None else now - self._work_began
        fps = frames / worked if worked else 0.0
        return ClusterNow(
            frames=frames,
            total=total,
            seconds=round(now - self._began, 3),
            fps=round(fps, 3),
            eta_s=round(max(total - frames, 0) / fps, 1) if total and fps else None,
            files_done=self._ended_files,
            files=len(self._sizes),
            waiting=len(crew.in_state("pending")),
            workers=tuple(_of_worker(member) for member in crew.in_state("starting", "idle", "busy")),
        )


def _of_worker(member: Member) -> WorkerNow:
    hello, task = member.hello, member.task
    return WorkerNow(
        member.number,
        "" if hello is None else hello.host,
        "" if hello is None else hello.device,
        "" if task is None else task.source,
        None if task is None else task.number,
        member.frames,
    )
