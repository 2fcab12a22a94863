"""Batches of pairs of source frames, each with as many interpolated frames as one call of the network computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from frame_booster.engine.maker import Request
from frame_booster.media.frames.similarity import Thumbnail
from frame_booster.media.input.source import SourceFrame
from frame_booster.pipeline.timeline import Slot
from frame_booster.pixels import Planes


@dataclass(frozen=True)
class Seen:
    """A source frame with its planes, and a thumbnail for comparisons."""

    source: SourceFrame
    planes: Planes
    thumbnail: Thumbnail


@dataclass(frozen=True)
class Pair:
    """Two consecutive source frames, and the slots of the output from the first to before the second."""

    first: Seen
    second: Seen
    slots: list[Slot]

    def t(self, slot: Slot) -> Fraction:
        """Returns the time of a slot between the two frames, in [0, 1); at 0 the first frame is shown unchanged."""
        begin, end = self.first.source.pts, self.second.source.pts
        return (slot.at - begin) / (end - begin)

    @property
    def interpolated(self) -> int:
        """Number of frames to interpolate."""
        return sum(slot.at > self.first.source.pts for slot in self.slots)


class PairBatches:
    """Collects consecutive pairs until their interpolated frames fill a batch.

    A pair with more frames than a batch has room for is split. So every batch is full at any output rate, and memory
    does not grow with the rate.
    """

    def __init__(self) -> None:
        self._pairs: list[Pair] = []
        self._interpolated = 0

    def add(self, pair: Pair, size: int) -> Iterator[list[Pair]]:
        """Adds a pair and yields the batches that are full.

        Args:
          pair: a pair whose first frame is the second of the last pair.
          size: number of interpolated frames in a full batch; also the most pairs, as a pair may have no such frame.
        """
        while (excess := self._interpolated + pair.interpolated - size) > 0:
            self._pairs.append(replace(pair, slots=pair.slots[:-excess]))
            pair = replace(pair, slots=pair.slots[-excess:])
            yield self.take()
        self._pairs.append(pair)
        self._interpolated += pair.interpolated
        if max(self._interpolated, len(self._pairs)) >= size:
            yield self.take()

    def take(self) -> list[Pair]:
        """Returns and removes the remaining pairs, which do not fill a batch."""
        pairs, self._pairs, self._interpolated = self._pairs, [], 0
        return pairs


def requests_of(pairs: list[Pair]) -> tuple[list[Planes], list[Request]]:
    """Returns the frames of a batch and the requests for `Maker.make`."""
    frames = [pair.first.planes for pair in pairs[:1]] + [pair.second.planes for pair in pairs]
    times = ((k, pair.t(slot)) for k, pair in enumerate(pairs) for slot in pair.slots)
    return frames, [Request(k, k + 1, t) for k, t in times if t > 0]
