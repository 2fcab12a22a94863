"""Times of a cycle of pulldown: as long as up to the next frame, where that follows."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from frame_booster.media.input.interlacing import Decoded
from frame_booster.media.input.source import SourceReport
from frame_booster.media.input.telecine import FINER, Telecine, _Cycle

FRAME: Any = SimpleNamespace(format=SimpleNamespace(name="yuv420p"))


def item(ms: int) -> Decoded:
    return Decoded(FRAME, ms * FINER, 33 * FINER, b"", False)


@pytest.mark.parametrize(
    ("after", "length"),
    [
        (167, 167),
        (166, 166),
        # The end of the video, and a gap: the length that the cycle itself has.
        (None, Fraction(665, 4)),
        (500, Fraction(665, 4)),
    ],
)
def test_a_cycle_lasts_up_to_the_next_frame(after: int | None, length: Fraction) -> None:
    cycle = _Cycle([item(ms) for ms in (0, 33, 67, 100, 133)], dict.fromkeys((0, 1, 3, 4), FRAME))
    telecine = Telecine(SourceReport(), Fraction(30000, 1001))
    made = list(telecine._timed(cycle, None if after is None else item(after)))
    assert [frame.pts for frame in made] == [int(k * length * FINER / 4) for k in range(4)]
    assert {frame.duration for frame in made} == {int(length * FINER / 4)}
