"""Subtitles that overlap arrive whole in MP4, whose timed text shows one sample at a time."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from frame_booster.media.passthrough.intervals import Interval, Intervals
from tests.conftest import boosted, ffmpeg, make_video, packets, probe

LINES = [(100, 900, "sign"), (200, 500, "first"), (200, 500, "second"), (600, 800, "third"), (950, 980, "last")]
"""From, to (ms) and text."""
SHOWN = [
    (100, 200, "sign"),
    (200, 500, "sign first second"),
    (500, 600, "sign"),
    (600, 800, "sign third"),
    (800, 900, "sign"),
    (950, 980, "last"),
]
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Bold, Italic
Style: Default,Arial,20,&H00FFFFFF,0,0
Style: Sign,Arial,12,&H0000FFFF,0,-1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def _time(ms: int, separator: str) -> str:
    return f"00:{ms // 60000:02d}:{ms // 1000 % 60:02d}{separator}{ms % 1000:03d}"


def with_lines(
    path: Path, lines: list[tuple[int, int, str]] = LINES, codec: str = "subrip", pts: range = range(25), rate: int = 25
) -> Path:
    """Writes a video with lines of text, a second long unless told."""
    folder = path.parent
    make_video(folder / "plain.mkv", pts=pts, size=(32, 16), time_base=Fraction(1, rate), rate=rate)
    if codec == "ass":
        styles = {"sign": "Sign"}
        text = ASS + "".join(
            f"Dialogue: 0,0:{_time(a, '.')[3:-1]},0:{_time(b, '.')[3:-1]},{styles.get(t, 'Default')},,0,0,0,,{t}\n"
            for a, b, t in lines
        )
    else:
        cues = (f"{n}\n{_time(a, ',')} --> {_time(b, ',')}\n{t}\n" for n, (a, b, t) in enumerate(lines, 1))
        text = "\n".join(cues)
    (folder / f"text.{'ass' if codec == 'ass' else 'srt'}").write_text(text)
    words = folder / f"text.{'ass' if codec == 'ass' else 'srt'}"
    ffmpeg("-y", "-i", folder / "plain.mkv", "-i", words, "-c:v", "copy", "-c:s", codec, path)
    return path


def samples(path: Path) -> list[dict[str, Any]]:
    """Packets of the subtitles, those between two texts as well."""
    facts = probe(path)
    [stream] = [s["index"] for s in facts["streams"] if s["codec_type"] == "subtitle"]
    return [p for p in facts["packets"] if p["stream_index"] == stream]


def shown(path: Path) -> list[tuple[int, int, str]]:
    """What a reader shows: from, to (ms) and the words."""
    found = []
    for cue in ffmpeg("-i", path, "-f", "srt", "-").strip().split("\n\n"):
        _, times, *text = cue.split("\n")
        begin, end = (
            sum(int(part) * unit for part, unit in zip(re.split("[:,]", time), (3600000, 60000, 1000, 1), strict=True))
            for time in times.split(" --> ")
        )
        found.append((begin, end, re.sub("<[^>]*>", "", " ".join(text))))
    return found


@pytest.mark.parametrize("codec", ["subrip", "ass", "webvtt"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_lines_that_overlap_are_shown_together(tmp_path: Path, codec: str, suffix: str) -> None:
    path = with_lines(tmp_path / "in.mkv", codec=codec)
    boosted(path, tmp_path / f"out{suffix}")
    assert shown(tmp_path / f"out{suffix}") == SHOWN
    found = samples(tmp_path / f"out{suffix}")
    assert all(float(p.get("duration_time", 0)) > 0 for p in found[:-1]), "none is cut to nothing"
    ends = [float(p["pts_time"]) + float(p.get("duration_time", 0)) for p in found]
    assert ends[:-1] == pytest.approx([float(p["pts_time"]) for p in found[1:]], abs=1e-5)


def test_each_line_keeps_its_style(tmp_path: Path) -> None:
    boosted(with_lines(tmp_path / "in.mkv", codec="ass"), tmp_path / "out.mp4")
    text = ffmpeg("-i", tmp_path / "out.mp4", "-f", "srt", "-")
    assert re.search(r"<i>.*sign\n(</\w+>)*</i>.*first\nsecond", text), "only the sign is slanted"


def test_lines_that_overlap_are_cut_with_their_part(tmp_path: Path) -> None:
    boosted(with_lines(tmp_path / "in.mkv"), tmp_path / "out.mp4", start="0.4", duration="0.32")
    assert shown(tmp_path / "out.mp4") == [
        (0, 100, "sign first second"),
        (100, 200, "sign"),
        (200, 320, "sign third"),
    ]


def test_lines_that_overlap_last_longer_in_slow_motion(tmp_path: Path) -> None:
    boosted(with_lines(tmp_path / "in.mkv"), tmp_path / "out.mp4", slow_motion=4)
    assert shown(tmp_path / "out.mp4") == [(4 * a, 4 * b, text) for a, b, text in SHOWN]


def test_lines_that_overlap_are_joined_by_a_resumed_run(tmp_path: Path) -> None:
    path = with_lines(tmp_path / "in.mkv")
    boosted(path, tmp_path / "out.mp4", resume=True)
    assert shown(tmp_path / "out.mp4") == SHOWN


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_containers_that_hold_overlapping_lines_keep_them_as_they_are(tmp_path: Path, suffix: str) -> None:
    path = with_lines(tmp_path / "in.mkv", codec="ass" if suffix == ".mkv" else "subrip")
    fast = {"codec": "libvpx", "options": (("deadline", "realtime"), ("cpu-used", "8"))}
    boosted(path, tmp_path / f"out{suffix}", **(fast if suffix == ".webm" else {}))
    found = [
        (round(1000 * float(p["pts_time"])), round(1000 * float(p["duration_time"])))
        for p in samples(tmp_path / f"out{suffix}")
    ]
    assert found == [(a, b - a) for a, b, _ in LINES]


def test_timed_text_of_an_mp4_is_copied_bit_for_bit(tmp_path: Path) -> None:
    boosted(with_lines(tmp_path / "in.mkv"), tmp_path / "once.mp4")
    boosted(tmp_path / "once.mp4", tmp_path / "twice.mp4")
    assert packets(tmp_path / "twice.mp4", "subtitle") == packets(tmp_path / "once.mp4", "subtitle")
    times = [(p["pts_time"], p.get("duration_time")) for p in samples(tmp_path / "once.mp4")]
    assert [(p["pts_time"], p.get("duration_time")) for p in samples(tmp_path / "twice.mp4")] == times


def test_lines_that_are_on_for_long_keep_their_ends(tmp_path: Path) -> None:
    """The muxer waits ten seconds for a line, and then writes what is between two."""
    lines = [(0, 29_000, "sign"), (14_000, 15_000, "first"), (15_000, 27_000, "second")]
    boosted(with_lines(tmp_path / "in.mkv", lines, pts=range(60), rate=2), tmp_path / "out.mp4")
    expected = [
        (0, 14_000, "sign"),
        (14_000, 15_000, "sign first"),
        (15_000, 27_000, "sign second"),
        (27_000, 29_000, "sign"),
    ]
    assert shown(tmp_path / "out.mp4") == expected


def test_a_line_without_an_end_is_shown_until_another_comes() -> None:
    intervals = Intervals()
    assert intervals.add(10, None, b"a") == []
    assert intervals.add(10, None, b"b") == []
    assert intervals.add(15, 30, b"c") == [Interval(10, 15, (b"a", b"b"))]
    assert intervals.add(20, None, b"d") == [Interval(15, 20, (b"c",))]
    assert intervals.rest(lambda begin: begin + 5) == [Interval(20, 25, (b"c", b"d")), Interval(25, 30, (b"c",))]


def test_a_line_that_comes_late_is_shown_from_where_it_came() -> None:
    intervals = Intervals()
    assert intervals.add(10, 20, b"a") == []
    assert intervals.add(15, 20, b"b") == [Interval(10, 15, (b"a",))]
    assert intervals.add(5, 18, b"c") == []
    assert intervals.rest(lambda begin: begin + 5) == [
        Interval(15, 18, (b"a", b"b", b"c")),
        Interval(18, 20, (b"a", b"b")),
    ]
    assert intervals.rest(lambda begin: begin + 5) == []
