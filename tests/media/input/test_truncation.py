"""Truncation and lost frames: what warns of them, and what just does not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from frame_booster.media.input.source import SourceReport
from frame_booster.media.input.truncation import Completeness

RATE = Fraction(25)


def watching(*times: int, listed: int = 0, packets: int = 0, path: Path = Path("in.mkv")) -> Completeness:
    """Frames at these times, in frames of 40 ms."""
    seen = Completeness(path, SourceReport(), RATE, Fraction(1, 1000), listed, packets=packets)
    for time in times:
        seen.add(40 * time)
    return seen


def test_packets_that_give_no_frame_are_counted() -> None:
    complete = watching(*range(4), packets=4)
    complete.check_count()
    assert (complete.report.warnings, complete.report.decode_errors) == ([], 0)
    lacking = watching(*range(4), packets=5)
    lacking.check_count()
    assert (lacking.report.warnings, lacking.report.decode_errors) == (
        ["1 video packets could not be decoded to a frame"],
        1,
    )


def test_frames_that_the_file_lists_are_counted() -> None:
    complete = watching(*range(4), listed=4)
    complete.check_count()
    assert complete.report.warnings == []
    lacking = watching(0, 1, 2, 4, listed=5)
    lacking.check_count()
    assert lacking.report.decode_errors == 1
    assert lacking.report.warnings == ["1 of the 5 frames in the file's index are empty or cannot be decoded"]


@pytest.mark.parametrize(
    ("times", "missing"),
    [
        ([0, 1, 2, 3, 5, 6, 8, 9, 10, 11], 2),
        # Three gaps of few are variable frame rate; of many they are holes.
        ([0, 1, 2, 3, 5, 6, 8, 9, 11, 12], 0),
        ([*range(15), *range(16, 30), *range(31, 45), *range(46, 50)], 3),
        ([0, 1, 3], 0),
        ([0, 1, 2, 4], 1),
        (list(range(10)), 0),
    ],
)
def test_gaps_of_regular_video_are_holes(times: list[int], missing: int) -> None:
    seen = watching(*times)
    seen.check_count()
    told = f"about {missing} frames seem to be missing: the timestamps have gaps"
    assert seen.report.warnings == ([told] if missing else [])


@pytest.mark.parametrize(("first", "told"), [(2, []), (3, ["the video starts 0.12 s after the start of the file"])])
def test_a_video_that_begins_frames_after_the_file(first: int, told: list[str]) -> None:
    seen = watching(first + 25, first + 26)
    seen.check_beginning(Fraction(1))
    assert seen.report.warnings == told


@pytest.mark.parametrize(
    ("lacks", "truncated", "warns"),
    [
        (2 / RATE, False, False),
        (3 / RATE, False, True),
        (Fraction(1), False, True),
        (Fraction(101, 100), True, False),
    ],
)
def test_a_file_that_ends_early(lacks: Fraction, truncated: bool, warns: bool) -> None:
    seen = watching(0)
    seen.check_length(10 - lacks, Fraction(10))
    assert (seen.report.truncated is not None) == truncated
    assert [text for text in seen.report.warnings if text.startswith("the file ends at")] == seen.report.warnings
    assert bool(seen.report.warnings) == warns


@pytest.mark.parametrize("size", [188, 192, 204])
def test_a_transport_stream_that_ends_within_a_packet(tmp_path: Path, size: int) -> None:
    told = ["the file ends within a packet: it may be truncated"]
    for over, name, wanted in ((0, "mpegts", []), (1, "mpegts", told), (-1, "mpegts", told), (1, "matroska", [])):
        path = tmp_path / "in.ts"
        path.write_bytes(bytes(7 * size + over))
        seen = watching(0, path=path)
        seen.check_packets(name)
        assert seen.report.warnings == wanted
