"""The chain of a file's segments: decides which to make next, and whether finished ones follow each other exactly.

The exact start of a segment is known only after the previous segment is made: a repeated frame or waiting captions can
delay it by some frames. Segments are nevertheless made in parallel, each from its expected start. A segment that does
not start where the previous one ended is made again, so the result equals that of a single machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from frame_booster.media.input.source import Resume
from frame_booster.pipeline.boundaries import Boundary, SegmentGrid
from frame_booster.pipeline.cluster.messages import Answer, Failure, Made, Start
from frame_booster.pipeline.pairing import Counts


class Chain:
    """Segments of one file, by their numbers in its grid.

    Args:
      grid: expected starts of the segments.
      first: position and settings for reading the input from its first frame.
      expected: number of segments according to the input; None if unknown.
      after: boundary at which an earlier run was interrupted.
    """

    def __init__(self, grid: SegmentGrid, first: Resume, expected: int | None, after: Boundary | None = None) -> None:
        self.grid, self.expected, self.after = grid, expected, after
        self._reading = first
        """Settings for reading later segments, as far as they are known."""
        self.at = 0 if after is None else grid.number_at(after.next.pts)
        """Number of the next segment of the output."""
        self.complete = False
        self.held: dict[int, Answer] = {}
        """Finished segments whose predecessors are not finished, by number."""
        self.under_way: set[int] = set()
        """Numbers of segments that workers are making."""
        self._again: set[int] = set()
        """Numbers of segments to be made again."""
        self._fresh = self.at
        """Number of the first segment that was never begun."""
        self.remade = 0
        """Number of segments made again because they did not start where expected."""
        if after is not None:
            self._reading = after.next

    def next(self, ahead: int) -> tuple[int, Start] | None:
        """Returns the next segment to make and marks it as being made; None if there is none at present.

        Args:
          ahead: if the number of segments is unknown, how many may be begun from the next one of the output on.
        """
        if self.complete:
            return None
        if self._again:
            number = min(self._again)
            self._again.remove(number)
        else:
            while self._fresh in self.held or self._fresh in self.under_way:
                self._fresh += 1
            if self._fresh >= self._most(ahead):
                return None
            number = self._fresh
            self._fresh += 1
        self.under_way.add(number)
        return number, self._start(number)

    def spare(self, ahead: int) -> int:
        """Returns how many segments repeated calls of `next` would return."""
        if self.complete:
            return 0
        return len(self._again) + max(self._most(ahead) - self._fresh, 0)

    def _most(self, ahead: int) -> int:
        return self.at + max(ahead, 1) if self.expected is None else max(self.expected, self.at + 1)

    def _start(self, number: int) -> Start:
        if number == self.at:
            after = self.after
            return Start(None if after is None else replace(after, counts=Counts()), exact=True)
        expected = replace(self._reading, pts=self.grid.begin_of(number))
        return Start(Boundary(expected, self.grid.origin, 0, Counts()), exact=False)

    def lost(self, number: int) -> None:
        """Records that a segment was lost and has to be made again."""
        self.under_way.discard(number)
        if number >= self.at and not self.complete:
            self._again.add(number)

    def take(self, number: int, answer: Answer) -> None:
        """Records the result of a segment."""
        self.under_way.discard(number)
        if number >= self.at and not self.complete:
            self.held[number] = answer

    def followers(self) -> Iterator[Made]:
        """Yields the finished segments that come next in the output.

        Raises:
          FrameBoosterError: the next segment failed from its exact start.
        """
        while not self.complete and self.at in self.held:
            answer = self.held.pop(self.at)
            if isinstance(answer, Failure) and answer.exact:
                raise answer.error()
            if not isinstance(answer, Made) or not self._fits(answer):
                self.remade += 1
                self._again.add(self.at)
                self._forget_other_readings()
                return
            yield answer
            self._go_on(answer.end)

    def _fits(self, made: Made) -> bool:
        """Returns whether a segment starts where the previous one ended."""
        if made.exact:
            return True
        assert self.after is not None
        # A lone last frame lasts as long as the frame before it, which this worker has not read.
        alone = made.end is None and made.counts.source == 1
        return made.first == self.after.next and not alone

    def _go_on(self, end: Boundary | None) -> None:
        if end is None:
            self.complete = True
            self.held.clear()
            self._again.clear()
            return
        counts = end.counts if self.after is None else added(self.after.counts, end.counts)
        self.after = replace(end, counts=counts)
        self._reading = end.next
        self.at = self.grid.number_at(end.next.pts)
        for number in [number for number in self.held if number < self.at]:
            del self.held[number]
        self._again = {number for number in self._again if number >= self.at}
        self._fresh = max(self._fresh, self.at)
        if self.at < self._fresh and self.at not in self.held and self.at not in self.under_way:
            self._again.add(self.at)

    def _forget_other_readings(self) -> None:
        """Discards segments that were read with other settings (format, fields, shift) than those known by now."""
        for number, answer in list(self.held.items()):
            if isinstance(answer, Made) and replace(answer.first, pts=0) != replace(self._reading, pts=0):
                del self.held[number]
                self._again.add(number)


def added(first: Counts, second: Counts) -> Counts:
    """Returns the sum of two counts."""
    return Counts(**{name: value + getattr(second, name) for name, value in vars(first).items()})
