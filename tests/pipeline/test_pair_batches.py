"""Batches of pairs: always full, whatever the output rate, and nothing is lost or put in another order."""

from __future__ import annotations

import itertools
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import pytest

from frame_booster.pipeline.pair_batches import Pair, PairBatches, Seen, requests_of
from frame_booster.pipeline.timeline import Grid, Multiple, Timeline

BASE, RATE = Fraction(1, 24), Fraction(24)


def seen(pts: int) -> Seen:
    return cast(Seen, SimpleNamespace(source=SimpleNamespace(pts=pts), planes=(pts,)))


def pairs_of(timeline: Timeline, count: int) -> list[Pair]:
    frames = [seen(k) for k in range(count + 1)]
    return [Pair(a, b, list(timeline.between(a.source.pts, b.source.pts))) for a, b in itertools.pairwise(frames)]


def batches_of(pairs: list[Pair], size: int) -> list[list[Pair]]:
    batches = PairBatches()
    made = [batch for pair in pairs for batch in batches.add(pair, size)]
    return [batch for batch in (*made, batches.take()) if batch]


def asked(batch: list[Pair]) -> list[tuple[Any, Any, Fraction]]:
    frames, requests = requests_of(batch)
    return [(frames[r.first], frames[r.second], r.t) for r in requests]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 16, 64])
@pytest.mark.parametrize(
    "timeline", [*(Multiple(BASE, RATE, factor) for factor in (2, 3, 8, 16)), Grid(BASE, 0, Fraction(60))]
)
def test_batches_are_full_whatever_the_output_rate(timeline: Timeline, size: int) -> None:
    pairs = pairs_of(timeline, 40)
    batches = batches_of(pairs, size)
    numbers = [len(asked(batch)) for batch in batches]
    assert set(numbers[:-1]) <= {size}
    assert 0 < numbers[-1] <= size
    whole = [(*pair.first.planes, *pair.second.planes, pair.t(slot)) for pair in pairs for slot in pair.slots]
    assert [(*a, *b, t) for batch in batches for a, b, t in asked(batch)] == [one for one in whole if one[2] > 0]
    assert [slot for batch in batches for pair in batch for slot in pair.slots] == [s for p in pairs for s in p.slots]


def test_pairs_with_no_frame_between_them_do_not_pile_up() -> None:
    """As at a lower output rate: each holds a source frame in memory."""
    batches = batches_of(pairs_of(Grid(BASE, 0, Fraction(1, 2)), 40), 4)
    assert {len(batch) for batch in batches} == {4}


def test_a_batch_that_has_become_smaller_is_given_at_once() -> None:
    """Where a device has run out of memory."""
    batches = PairBatches()
    pairs = pairs_of(Multiple(BASE, RATE, 2), 12)
    assert [batch for pair in pairs[:10] for batch in batches.add(pair, 16)] == []
    first, *rest = [batch for pair in pairs[10:] for batch in batches.add(pair, 4)]
    assert [slot for pair in first for slot in pair.slots] == [slot for pair in pairs[:10] for slot in pair.slots]
    left = [*rest, batches.take()]
    assert [s for batch in left for p in batch for s in p.slots] == [s for p in pairs[10:] for s in p.slots]
