"""Subtitles of DVDs whose packets have no length, or one of weeks: MP4's muxer refused what lasts so."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.conftest import boosted, make_video, packets, probe

SUBPICTURE = bytes((0, 54)) + bytes(52)
"""Stands in for a picture of a DVD, which nothing looks into here."""
NEVER = (1 << 32) - 1
"""Milliseconds, which FFmpeg writes for a subtitle without an end."""


def with_subpictures(path: Path, length: int | None, times: tuple[int, ...] = (200, 600)) -> Path:
    """Writes a second of MPEG-2 with subtitles of a DVD, each of so many milliseconds."""
    # Noise: small pictures would lie between no two subtitles, and a VOB has all that comes at once in one packet.
    plain = make_video(
        path.parent / "plain.mpg", pts=range(25), codec="mpeg2video", options={"g": "5", "b": "2M"}, seed=1
    )
    kind = "vob" if path.suffix == ".vob" else None
    with av.open(str(plain)) as source, av.open(str(path), "w", format=kind) as out:
        video = out.add_stream_from_template(source.streams.video[0])
        words = out.add_stream("dvdsub")
        words.codec_context.time_base = Fraction(1, 1000)
        made = []
        for time in times:
            packet = av.Packet(SUBPICTURE)
            packet.pts = packet.dts = time
            packet.duration, packet.time_base, packet.stream = length, Fraction(1, 1000), words
            packet.is_keyframe = True
            made.append(packet)
        first = None
        for packet in source.demux(video=0):
            if packet.dts is not None:
                first = packet.dts if first is None else first
                packet.pts, packet.dts = packet.pts - first, packet.dts - first
                packet.stream = video
                made.append(packet)
        for packet in sorted(made, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
    return path


@pytest.mark.parametrize(("name", "length"), [("in.vob", None), ("in.mkv", NEVER)])
@pytest.mark.parametrize("slower", [1, 3])
def test_a_subtitle_without_a_length_is_shown_until_another_comes(
    tmp_path: Path, name: str, length: int | None, slower: int
) -> None:
    path = with_subpictures(tmp_path / name, length)
    boosted(path, tmp_path / "out.mp4", **({} if slower == 1 else {"slow_motion": slower}))
    assert packets(tmp_path / "out.mp4", "subtitle") == packets(path, "subtitle")
    facts = probe(tmp_path / "out.mp4")
    kinds = {s["index"]: s["codec_type"] for s in facts["streams"]}
    first, _ = [p for p in facts["packets"] if kinds[p["stream_index"]] == "subtitle" and int(p["size"]) > 2]
    assert float(first["duration_time"]) == pytest.approx(0.4 * slower, abs=0.002)
    # The last is shown up to the end of the video, whatever the file says of its length.
    begin, end = (
        {s["codec_type"]: float(s["start_time"]) + float(s["duration"]) * share for s in facts["streams"]}
        for share in (0, 1)
    )
    assert begin["subtitle"] > begin["video"]
    assert end["subtitle"] == pytest.approx(end["video"], abs=0.002)


def test_the_last_subtitle_ends_with_its_file(tmp_path: Path) -> None:
    boosted(with_subpictures(tmp_path / "in.vob", None), tmp_path / "out.mp4")
    assert float(probe(tmp_path / "out.mp4")["format"]["duration"]) == pytest.approx(1, abs=0.1)


def test_a_subtitle_that_says_how_long_it_lasts_keeps_that(tmp_path: Path) -> None:
    path = with_subpictures(tmp_path / "in.mkv", 300, times=(200, 500))
    boosted(path, tmp_path / "out.mp4")
    facts = probe(tmp_path / "out.mp4")
    [stream] = [s["index"] for s in facts["streams"] if s["codec_type"] == "subtitle"]
    found = [(float(p["pts_time"]), float(p["duration_time"])) for p in facts["packets"] if p["stream_index"] == stream]
    assert found[-2] == pytest.approx((0.2, 0.3))


def test_matroska_keeps_a_subtitle_without_a_length_as_it_is(tmp_path: Path) -> None:
    path = with_subpictures(tmp_path / "in.mkv", NEVER)
    boosted(path, tmp_path / "out.mkv")
    facts = probe(tmp_path / "out.mkv")
    [stream] = [s["index"] for s in facts["streams"] if s["codec_type"] == "subtitle"]
    assert {p["duration"] for p in facts["packets"] if p["stream_index"] == stream} == {NEVER}
