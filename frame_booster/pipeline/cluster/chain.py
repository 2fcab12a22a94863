"""The chain of a file's segments: which are to be made next, and whether those that are made follow on each other.

Where a segment begins is known for certain only when the one before has been made: a repeated frame, or captions that
wait, put its beginning off by some frames. All are made at the same time nevertheless, each from the frame where it
should begin; one that does not begin where the one before has ended is made again. So the result is that of one
machine, whatever was expected.
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
      grid: where they begin.
      first: how the input is read from its first frame on.
      expected: how many there are, as far as the input tells; None if unknown.
      after: where an earlier run was cut off.
    """

    def __init__(self, grid: SegmentGrid, first: Resume, expected: int | None, after: Boundary | None = None) -> None:
        self.grid, self.expected, self.after = grid, expected, after
        self._reading = first
        """How later segments are read, as far as it is known."""
        self.at = 0 if after is None else grid.number_at(after.next.pts)
        """Number of the segment that comes next in the output."""
        self.complete = False
        self.held: dict[int, Answer] = {}
        """What is made, ahead of its turn."""
        self.under_way: set[int] = set()
        self._again: set[int] = set()
        """What was begun, and is to be made again."""
        self._fresh = self.at
        """The next that was never begun."""
        self.remade = 0
        """How many began elsewhere than expected."""
        if after is not None:
            self._reading = after.next

    def next(self, ahead: int) -> tuple[int, Start] | None:
        """Returns what is to be made next, and takes note that it is; None if there is nothing at present.

        Args:
          ahead: where it is not known how many there are, begin no more than so many before their turn.
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
        """Returns how many segments `next` would give, one after the other."""
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
        """Takes note that a segment is not made, and is to be made again."""
        self.under_way.discard(number)
        if number >= self.at and not self.complete:
            self._again.add(number)

    def take(self, number: int, answer: Answer) -> None:
        """Takes what became of a segment."""
        self.under_way.discard(number)
        if number >= self.at and not self.complete:
            self.held[number] = answer

    def followers(self) -> Iterator[Made]:
        """Yields the segments that come next in the output, as far as they are made.

        Raises:
          FrameBoosterError: one cannot be made.
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
        """Tells whether a segment begins where the one before has ended."""
        if made.exact:
            return True
        assert self.after is not None
        # A single frame is shown as long as the one before it, which this reading has not seen.
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
        """Lets go of what was made with another treatment of fields, or in another format, than is now known."""
        for number, answer in list(self.held.items()):
            if isinstance(answer, Made) and replace(answer.first, pts=0) != replace(self._reading, pts=0):
                del self.held[number]
                self._again.add(number)


def added(first: Counts, second: Counts) -> Counts:
    """Returns the sum of two parts' counts."""
    return Counts(**{name: value + getattr(second, name) for name, value in vars(first).items()})
