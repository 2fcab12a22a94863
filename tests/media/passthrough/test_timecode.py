"""SMPTE timecode at other frame rates, in tags and in the timecode track."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from frame_booster.media.passthrough.timecode import retimed
from frame_booster.timecode import Timecode, may_drop
from tests.conftest import boosted, make_video, probe

NTSC = Fraction(30000, 1001)


def labels(base: int, drop: bool) -> Iterator[Timecode]:
    """Labels in order, by the rule of ST 12-1: two numbers of thirty are left out each minute but every tenth."""
    for minutes, seconds, frame in itertools.product(range(60), range(60), range(base)):
        if not (drop and minutes % 10 and seconds == 0 and frame < base // 15):
            yield Timecode(0, minutes, seconds, frame, drop)


@pytest.mark.parametrize("multiple", [1, 2, 4])
@pytest.mark.parametrize("drop", [True, False])
def test_labels_are_counted_as_the_standard_says(multiple: int, drop: bool) -> None:
    start = Timecode(0, 0, 0, 0, drop)
    for number, label in itertools.islice(enumerate(labels(30 * multiple, drop)), 0, 90000, 11):
        assert start.later(number, NTSC * multiple) == label


def test_a_drop_frame_label_is_the_same_moment_at_twice_the_rate() -> None:
    for number in range(0, 60000, 17):
        label = Timecode(0, 0, 0, 0, True).later(number, NTSC)
        assert label.at_rate(NTSC, 2 * NTSC) == (Timecode(0, 0, 0, 0, True).later(2 * number, 2 * NTSC), True)


@pytest.mark.parametrize(
    ("text", "source", "target", "expected"),
    [
        ("01:00:00:12", 24, 48, "01:00:00:24"),
        ("01:00:00;28", NTSC, 2 * NTSC, "01:00:00;56"),
        ("01:00:00.28", NTSC, 2 * NTSC, "01:00:00;56"),
        ("10:11:12:24", 25, 100, "10:11:12:96"),
        ("01:00:00:12", 24, 60, "01:00:00:30"),
        ("01:00:00:23", Fraction(24000, 1001), Fraction(48000, 1001), "01:00:00:46"),
        ("00:00:00:29", 30, 240, "00:00:00:232"),
    ],
)
def test_the_start_at_another_rate(text: str, source: Fraction, target: Fraction, expected: str) -> None:
    tags, warning = retimed({"title": "x", "TIMECODE": text}, Fraction(source), Fraction(target))
    assert (tags, warning) == ({"title": "x", "TIMECODE": expected}, None)


@pytest.mark.parametrize(
    ("text", "source", "target", "expected", "said"),
    [
        ("01:00:00:01", 24, 60, "01:00:00:02", "the nearest before 01:00:00:01"),
        ("01:00:00;10", NTSC, 60, "01:00:00:20", "the nearest before 01:00:00;10"),
        ("01:00:00:10", 60, 480, None, "timecodes do not support 480 fps"),
    ],
)
def test_what_is_not_exact_is_told(
    text: str, source: Fraction, target: Fraction, expected: str | None, said: str
) -> None:
    tags, warning = retimed({"timecode": text}, Fraction(source), Fraction(target))
    assert tags.get("timecode") == expected
    assert warning is not None
    assert said in warning


def test_what_is_no_timecode_is_left_alone() -> None:
    for tags in ({}, {"title": "x"}, {"timecode": "afternoon"}):
        assert retimed(tags, Fraction(24), Fraction(48)) == (tags, None)
    assert not may_drop(Fraction(30))
    assert may_drop(NTSC * 2)


def labelled(path: Path, label: str, rate: Fraction, *, on_stream: bool = True) -> Path:
    plain = make_video(path.with_name("plain.mov"), pts=range(12), rate=rate, time_base=1 / rate)
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        (stream if on_stream else target).metadata["timecode"] = label
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


def found(path: Path) -> set[str]:
    """All timecodes that ffprobe finds: in the file's tags, the video's and the timecode track's."""
    facts = probe(path)
    tags = [facts["format"].get("tags", {}), *(stream.get("tags", {}) for stream in facts["streams"])]
    return {value for tag in tags for key, value in tag.items() if key.lower() == "timecode"}


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("rate", "label", "expected"),
    [(Fraction(24), "01:00:00:12", "01:00:00:24"), (NTSC, "00:59:59;29", "00:59:59;58")],
)
@pytest.mark.parametrize("on_stream", [True, False])
def test_the_first_frame_has_its_label(
    tmp_path: Path, suffix: str, rate: Fraction, label: str, expected: str, on_stream: bool
) -> None:
    source = labelled(tmp_path / f"in{suffix}", label, rate, on_stream=on_stream)
    boosted(source, tmp_path / f"out{suffix}")
    assert found(tmp_path / f"out{suffix}") == {expected}


def test_mxf_begins_at_the_label(tmp_path: Path) -> None:
    source = labelled(tmp_path / "in.mov", "01:00:00;12", NTSC)
    boosted(source, tmp_path / "out.mxf", codec="mpeg2video", fps=2 * NTSC)
    assert found(tmp_path / "out.mxf") == {"01:00:00;24"}


def test_a_part_begins_at_its_own_label(tmp_path: Path) -> None:
    source = labelled(tmp_path / "in.mov", "01:00:00:12", Fraction(24))
    boosted(source, tmp_path / "out.mov", start=Fraction(6, 24))
    assert found(tmp_path / "out.mov") == {"01:00:00:36"}


def test_slow_motion_at_the_same_rate_keeps_the_label(tmp_path: Path) -> None:
    source = labelled(tmp_path / "in.mov", "01:00:00:12", Fraction(24))
    boosted(source, tmp_path / "out.mov", slow_motion=2)
    assert found(tmp_path / "out.mov") == {"01:00:00:12"}


def test_the_track_becomes_a_tag_where_there_are_no_tracks(tmp_path: Path) -> None:
    source = labelled(tmp_path / "in.mov", "01:00:00:12", Fraction(24))
    result = boosted(source, tmp_path / "out.mkv")
    assert found(tmp_path / "out.mkv") == {"01:00:00:24"}
    assert any("the timecode track (stream 1) is dropped" in text for text in result.warnings)
    lost = boosted(source, tmp_path / "out.ts")
    assert any("mpegts does not store them: timecode" in text for text in lost.warnings)
