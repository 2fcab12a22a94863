"""Batches of pairs of source frames, each with as many interpolated frames as one call of the network takes."""

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
    """A source frame, and what is compared and interpolated of it."""

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
        """Returns the time of a slot in [0, 1) between the two frames; at 0 the first is shown as it is."""
        begin, end = self.first.source.pts, self.second.source.pts
        return (slot.at - begin) / (end - begin)

    @property
    def interpolated(self) -> int:
        """Number of frames to interpolate."""
        return sum(slot.at > self.first.source.pts for slot in self.slots)


class PairBatches:
    """Collects consecutive pairs until their interpolated frames fill a batch.

    A pair whose frames do not fit into what is left of a batch is divided. So every batch is full, whatever the output
    rate, and the frames in memory do not grow with it.
    """

    def __init__(self) -> None:
        self._pairs: list[Pair] = []
        self._interpolated = 0

    def add(self, pair: Pair, size: int) -> Iterator[list[Pair]]:
        """Adds a pair; yields the batches that are full by now.

        Args:
          pair: follows the last one, without a gap.
          size: interpolated frames of a full batch; also the most pairs in it, where some have no frame in between.
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
        """Returns the pairs that are left, which do not fill a batch."""
        pairs, self._pairs, self._interpolated = self._pairs, [], 0
        return pairs


def requests_of(pairs: list[Pair]) -> tuple[list[Planes], list[Request]]:
    """Returns the frames of a batch and what to interpolate between them, as `Maker.make` takes them."""
    frames = [pair.first.planes for pair in pairs[:1]] + [pair.second.planes for pair in pairs]
    times = ((k, pair.t(slot)) for k, pair in enumerate(pairs) for slot in pair.slots)
    return frames, [Request(k, k + 1, t) for k, t in times if t > 0]
