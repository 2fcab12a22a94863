"""Damaged inputs end in an error of ours or in a result, never in anything else; see `tests/fuzz.py`."""

from __future__ import annotations

import collections
import itertools
from fractions import Fraction
from pathlib import Path

from frame_booster.media.input.source import SourceReport
from frame_booster.media.input.truncation import Completeness
from tests.fuzz import fuzz


def test_thirty_mutations() -> None:
    ends, broken = fuzz(30, seed=7)
    assert broken == []
    assert sum(ends.values()) == 30
    assert ends["refused"] > 0
    assert ends["done"] > 0


def watch(pts: list[int], listed: int = 0) -> SourceReport:
    seen = Completeness(Path("in.mp4"), SourceReport(), Fraction(25), Fraction(1, 25), listed)
    for stamp in pts:
        seen.add(stamp)
    seen.check_count()
    return seen.report


def test_frames_that_the_index_lists_are_missed() -> None:
    report = watch([0, 1, 2], listed=5)
    assert report.decode_errors == 2
    assert "2 of the 5 frames" in report.warnings[0]


def test_holes_in_a_regular_video_are_noticed_and_uneven_video_is_not() -> None:
    assert "about 3 frames" in watch([*range(20), *range(23, 40)]).warnings[0]
    assert watch(list(range(40))).warnings == []
    assert watch([0, 1, 3, 4, 8, 9, 15, 16, 17, 22, 30, 31]).warnings == []
    # 23.976 in milliseconds: gaps of 41 and 42.
    assert watch([round(k * 1001 / 24) for k in range(200)]).warnings == []


def test_a_picture_that_stands_still_is_not_taken_for_lost_frames() -> None:
    pts = [*range(50), *range(175, 225), *range(350, 400)]
    told = watch(pts).warnings
    assert told == ["there are gaps of up to 5.04 s without a frame: the picture is still there, or frames are missing"]
    seen = Completeness(Path("in.mp4"), SourceReport(), Fraction(25), Fraction(1, 25))
    for k, end in itertools.pairwise([*pts, 400]):
        seen.add(k, end - k)
    seen.check_count()
    assert seen.report.warnings == [], "the file says itself how long each frame is shown"


def test_a_file_that_ends_early_is_refused_or_warned_of() -> None:
    seen = Completeness(Path("in.mkv"), SourceReport(), Fraction(25), Fraction(1, 1000))
    seen.check_length(Fraction(8), Fraction(10))
    assert seen.report.truncated == "the file is truncated: it ends at 8.00 s instead of 10.00 s"
    seen.report.truncated = None
    seen.check_length(Fraction(99, 10), Fraction(10))
    assert seen.report.warnings == ["the file ends at 9.90 s instead of 10.00 s"]
    seen.check_track(Fraction(9), {"DURATION": "00:00:10.000000000"})
    assert seen.report.warnings[1] == "the video ends at 9.00 s instead of 10.00 s"
    assert collections.Counter(seen.report.warnings).most_common(1)[0][1] == 1
