"""Clocks that do not begin at 0: where they mean nothing all streams begin earlier alike, as ffmpeg has it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import SourceFrame
from frame_booster.options import InputOptions
from tests.conftest import boosted, ffmpeg, make_video, probe

MS = Fraction(1, 1000)


def starts(path: Path) -> dict[str, Fraction]:
    """When each kind of stream begins, s."""
    return {s["codec_type"]: Fraction(s["start_time"]) for s in probe(path)["streams"]}


def late(tmp_path: Path, suffix: str, offset: str = "40000", *more: str) -> Path:
    """Video and sound whose clock begins late; the sound begins 40 ms after the video."""
    plain = make_video(tmp_path / "plain.mp4", pts=range(15), tones=1, options={"bf": "2", "qp": "0"})
    path = tmp_path / f"in{suffix}"
    coding = ("-c:v", "mpeg2video", "-c:a", "mp2") if suffix == ".mpg" else ("-c", "copy")
    delayed = ("-itsoffset", "0.04", "-i", plain, "-map", "0:v", "-map", "1:a")
    ffmpeg("-i", plain, *delayed, *coding, "-output_ts_offset", offset, *more, "-y", path)
    return path


@pytest.mark.parametrize(
    ("suffix", "more"),
    [
        (".ts", ()),
        (".mpg", ()),
        (".flv", ()),
        (".mkv", ("-live", "1", "-f", "matroska")),
    ],
)
@pytest.mark.parametrize("output", [".mp4", ".mkv"])
def test_a_transmission_begins_at_0(tmp_path: Path, suffix: str, more: tuple[str, ...], output: str) -> None:
    source = late(tmp_path, suffix, "40000", *more)
    before = starts(source)
    assert min(before.values()) > 39990
    boosted(source, tmp_path / f"out{output}")
    after = starts(tmp_path / f"out{output}")
    assert abs(min(after.values())) <= MS
    assert abs((after["audio"] - after["video"]) - (before["audio"] - before["video"])) <= 2 * MS


def test_ogg_begins_at_0(tmp_path: Path) -> None:
    plain = make_video(tmp_path / "plain.mp4", pts=range(15))
    ffmpeg("-i", plain, "-c:v", "libtheora", "-output_ts_offset", "40000", tmp_path / "in.ogv")
    assert starts(tmp_path / "in.ogv")["video"] == 40000
    boosted(tmp_path / "in.ogv", tmp_path / "out.mp4")
    assert starts(tmp_path / "out.mp4")["video"] == 0


def test_an_upload_of_fragments_begins_at_0(tmp_path: Path) -> None:
    """A segment of DASH or HLS says when it was sent."""
    make_video(tmp_path / "plain.mp4", pts=range(100), options={"g": "25", "keyint_min": "25"})
    ffmpeg("-i", tmp_path / "plain.mp4", "-c", "copy", "-seg_duration", "1", "-f", "dash", tmp_path / "m.mpd")
    pieces = [tmp_path / "init-stream0.m4s", tmp_path / "chunk-stream0-00003.m4s"]
    source = tmp_path / "in.mp4"
    source.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    assert starts(source)["video"] == 2
    result = boosted(source, tmp_path / "out.mp4")
    assert (result.frames_in, result.frames_out) == (25, 50)
    assert starts(tmp_path / "out.mp4")["video"] == 0


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".nut"])
def test_a_late_start_that_is_meant_stays(tmp_path: Path, suffix: str) -> None:
    source = late(tmp_path, suffix, "3") if suffix != ".nut" else late(tmp_path, suffix, "3", "-f", "nut")
    before = starts(source)
    boosted(source, tmp_path / f"out{suffix}", **({"codec": "ffv1"} if suffix == ".nut" else {}))
    after = starts(tmp_path / f"out{suffix}")
    assert all(abs(after[kind] - before[kind]) <= 2 * MS for kind in before)


def test_a_clock_that_wraps(tmp_path: Path) -> None:
    """MPEG-TS counts 2^33 ticks of 1/90000 s, some 26.5 hours, and begins anew."""
    source = late(tmp_path, ".ts", "95442.3")
    before = starts(source)
    result = boosted(source, tmp_path / "out.mp4")
    assert (result.frames_in, result.frames_out, result.duration) == (15, 30, Fraction(15, 25))
    after = starts(tmp_path / "out.mp4")
    assert 0 <= min(after.values()) <= MS
    assert abs((after["audio"] - after["video"]) - (before["audio"] - before["video"])) <= MS


def test_no_stream_is_moved_by_a_part_of_its_tick(tmp_path: Path) -> None:
    source = late(tmp_path, ".ts")
    with av.open(str(source)) as container:
        raw = {s.type: s.start_time * s.time_base for s in container.streams}
    with open_source(source, InputOptions()) as opened:
        first: dict[str, Fraction] = {}
        for item in opened.items():
            if isinstance(item, SourceFrame):
                first.setdefault("video", item.pts * opened.info.time_base)
            else:
                first.setdefault("audio", item.pts * item.time_base)
        assert opened.shift == min(raw.values())
    assert first == {kind: time - opened.shift for kind, time in raw.items()}


def test_a_run_in_segments_begins_at_0_as_well(tmp_path: Path) -> None:
    source = late(tmp_path, ".ts")
    boosted(source, tmp_path / "plain.mkv")
    boosted(source, tmp_path / "out.mkv", resume=True, segment=Fraction(1, 5))
    assert starts(tmp_path / "out.mkv") == starts(tmp_path / "plain.mkv")


def test_chapters_move_with_the_rest(tmp_path: Path) -> None:
    plain = make_video(tmp_path / "plain.mp4", pts=range(50))
    (tmp_path / "chapters").write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=501000\nEND=502000\ntitle=Second half\n"
    )
    made = ("-i", tmp_path / "chapters", "-map_metadata", "1", "-map_chapters", "1", "-c", "copy")
    ffmpeg("-i", plain, *made, "-output_ts_offset", "500", "-live", "1", "-f", "matroska", tmp_path / "in.mkv")
    with av.open(str(tmp_path / "in.mkv")) as container:
        chapters = container.chapters()
    if not chapters:
        pytest.skip("this ffmpeg writes no chapters into live Matroska")
    boosted(tmp_path / "in.mkv", tmp_path / "out.mkv")
    [chapter] = probe(tmp_path / "out.mkv")["chapters"]
    begin = chapters[0]["start"] * chapters[0]["time_base"] - 500
    assert abs(Fraction(chapter["start_time"]) - begin) <= MS
