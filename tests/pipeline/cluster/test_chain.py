"""The chain of a file's segments: what is handed out, and what follows on what."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from frame_booster.errors import DecodeError
from frame_booster.media.input.source import Resume
from frame_booster.pipeline.boundaries import Boundary, SegmentGrid
from frame_booster.pipeline.cluster.chain import Chain
from frame_booster.pipeline.cluster.messages import Empty, Failure, Made, Start
from frame_booster.pipeline.pairing import Counts

GRID = SegmentGrid(origin=5, length=Fraction(100))
FIRST = Resume(5, Fraction(0))


def made(number: int, start: Start, pts: int, end: int | None, *, fields: str | None = None) -> Made:
    first = replace(FIRST, pts=pts, fields=fields)
    boundary = (
        None if end is None else Boundary(replace(FIRST, pts=end, fields=fields), 5, 1, Counts(source=10, made=9))
    )
    counts = Counts(source=10, made=9)
    return Made(number, number, start.exact, first, boundary, 20, counts, (), None, 0, "", 0, "", (), 1.0)


def handed_out(chain: Chain, ahead: int = 2) -> dict[int, Start]:
    found = {}
    while (task := chain.next(ahead)) is not None:
        found[task[0]] = task[1]
    return found


def taken(chain: Chain) -> list[int]:
    return [item.number for item in chain.followers()]


def test_a_frame_s_time_says_its_segment() -> None:
    assert [GRID.number_at(pts) for pts in (5, 104, 105, 350)] == [0, 0, 1, 3]
    assert [GRID.begin_of(number) for number in (0, 1, 3)] == [5, 105, 305]
    uneven = SegmentGrid(0, Fraction(1001, 3))
    assert all(uneven.number_at(uneven.begin_of(n)) == n > uneven.number_at(uneven.begin_of(n) - 1) for n in range(9))


def test_all_are_handed_out_once_and_come_in_order() -> None:
    chain = Chain(GRID, FIRST, 3)
    starts = handed_out(chain)
    assert list(starts) == [0, 1, 2]
    assert (starts[0].after, starts[0].exact) == (None, True)
    assert starts[2].after is not None
    assert (starts[2].after.next.pts, starts[2].exact) == (205, False)
    chain.take(2, made(2, starts[2], 206, None))
    chain.take(1, made(1, starts[1], 105, 206))
    assert taken(chain) == []
    chain.take(0, made(0, starts[0], 5, 105))
    assert taken(chain) == [0, 1, 2]
    assert chain.complete
    assert chain.after is not None
    assert chain.after.counts == Counts(source=20, made=18)
    assert chain.remade == 0


def test_one_that_begins_elsewhere_is_made_again_from_where_it_begins() -> None:
    chain = Chain(GRID, FIRST, 3)
    starts = handed_out(chain)
    chain.take(1, made(1, starts[1], 105, 205))
    chain.take(0, made(0, starts[0], 5, 109))
    assert taken(chain) == [0]
    number, start = chain.next(2) or pytest.fail("it is not made again")
    assert number == 1
    assert start.exact
    assert start.after is not None
    assert (start.after.next.pts, start.after.counts) == (109, Counts())
    chain.take(1, made(1, start, 109, 205))
    assert taken(chain) == [1]
    assert chain.remade == 1


def test_a_last_segment_of_one_frame_is_made_again_after_the_one_before() -> None:
    """The frame is shown as long as the one before it, which only a reading from there on has seen."""
    chain = Chain(GRID, FIRST, 2)
    starts = handed_out(chain)
    alone = replace(made(1, starts[1], 105, None), counts=Counts(source=1))
    chain.take(1, alone)
    chain.take(0, made(0, starts[0], 5, 105))
    assert taken(chain) == [0]
    number, start = chain.next(2) or pytest.fail("it is not made again")
    assert (number, start.exact) == (1, True)
    chain.take(1, replace(alone, exact=True))
    assert taken(chain) == [1]
    assert chain.complete


def test_gaps_leave_numbers_out_and_the_input_may_end_early_or_late() -> None:
    chain = Chain(GRID, FIRST, 5)
    starts = handed_out(chain)
    for number in (1, 2, 4):
        chain.take(number, Empty(number, number))
    chain.take(3, made(3, starts[3], 310, 610))
    chain.take(0, made(0, starts[0], 5, 310))
    assert taken(chain) == [0, 3]
    assert handed_out(chain)[6].exact, "it lies behind the last that was expected"
    chain.take(6, made(6, Start(None, exact=True), 610, None))
    assert taken(chain) == [6]
    assert handed_out(chain) == {}


def test_of_an_unknown_length_only_some_are_begun_ahead() -> None:
    chain = Chain(GRID, FIRST, None)
    starts = handed_out(chain, ahead=3)
    assert list(starts) == [0, 1, 2]
    chain.take(0, made(0, starts[0], 5, 105))
    assert taken(chain) == [0]
    assert list(handed_out(chain, ahead=3)) == [3]
    assert chain.spare(3) == 0
    assert chain.spare(5) == 2


def test_what_is_lost_is_handed_out_before_what_was_never_begun() -> None:
    chain = Chain(GRID, FIRST, 4)
    assert [chain.next(1), chain.next(1)] != [None, None]
    chain.lost(0)
    task = chain.next(1)
    assert task is not None
    assert task[0] == 0


def test_an_error_counts_only_of_a_segment_that_begins_there() -> None:
    chain = Chain(GRID, FIRST, 2)
    starts = handed_out(chain)
    chain.take(1, Failure(1, 1, False, "DecodeError", "no frame can be decoded", "in.mp4", None))
    chain.take(0, made(0, starts[0], 5, None))
    assert taken(chain) == [0]
    assert chain.complete, "the input has ended before it"
    chain = Chain(GRID, FIRST, 2)
    handed_out(chain)
    chain.take(0, Failure(0, 0, True, "DecodeError", "a frame is damaged", "in.mp4", None))
    with pytest.raises(DecodeError, match=r"in\.mp4: a frame is damaged"):
        taken(chain)


def test_when_it_turns_out_that_frames_are_interlaced_later_segments_are_read_so() -> None:
    chain = Chain(GRID, FIRST, 4)
    starts = handed_out(chain)
    for number in (1, 2, 3):
        chain.take(number, made(number, starts[number], 5 + 100 * number, 105 + 100 * number))
    chain.take(0, made(0, starts[0], 5, 105, fields="tff"))
    assert taken(chain) == [0]
    again = handed_out(chain)
    assert list(again) == [1, 2, 3]
    assert all(start.after is not None and start.after.next.fields == "tff" for start in again.values())
