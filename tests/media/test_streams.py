"""Streams that pass through: audio, subtitles, attachments, chapters, data, cover art, tags."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from frame_booster.errors import EncodeError, OutputError
from frame_booster.media.input.container import is_cover
from frame_booster.media.output.sink import Written
from frame_booster.media.output.verify import verify
from tests.conftest import boosted, ffmpeg, make_video, packets, probe, probed_times


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """A file with two audio tracks, a text subtitle, a font, cover art, chapters and tags."""
    subtitles = tmp_path / "text.srt"
    subtitles.write_text(
        "1\n00:00:00,100 --> 00:00:00,500\nHello <i>you</i>\n\n2\n00:00:00,600 --> 00:00:00,900\nTwo\n"
    )
    base = make_video(tmp_path / "base.mkv", pts=range(25), tones=2)
    path = tmp_path / "rich.mkv"
    with av.open(str(base)) as video, av.open(str(subtitles)) as text, av.open(str(path), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in video.streams}
        words = out.add_stream_from_template(text.streams[0])
        languages = ("eng", "deu")
        for stream, language in zip([s for s in out.streams if s.type == "audio"], languages, strict=True):
            stream.metadata["language"] = language
            stream.metadata["title"] = f"track {language}"
        words.metadata["language"] = "fra"
        words.disposition = 0x40
        out.add_attachment("font.ttf", "application/x-truetype-font", b"not a real font")
        out.metadata.update({"title": "A film", "artist": "Somebody"})
        out.set_chapters(
            [
                {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}},
                {"id": 2, "start": 400, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "Two"}},
            ]
        )
        for packet in video.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux_one(packet)
        for packet in text.demux():
            if packet.dts is not None:
                packet.stream = words
                out.mux_one(packet)
    return path


def test_everything_arrives_in_matroska(rich: Path, tmp_path: Path) -> None:
    result = boosted(rich, tmp_path / "out.mkv")
    before, after = probe(rich), probe(tmp_path / "out.mkv")
    assert [s["codec_type"] for s in after["streams"]] == [s["codec_type"] for s in before["streams"]]
    for one, two in zip(before["streams"], after["streams"], strict=True):
        for tag in ("language", "title", "filename", "mimetype"):
            assert one.get("tags", {}).get(tag) == two.get("tags", {}).get(tag)
        if one["codec_type"] != "video":
            assert one["disposition"] == two["disposition"]
    assert (after["format"]["tags"]["title"], after["format"]["tags"]["ARTIST"]) == ("A film", "Somebody")
    chapters = [(c["start_time"], c["end_time"], c["tags"]["title"]) for c in after["chapters"]]
    assert chapters == [(c["start_time"], c["end_time"], c["tags"]["title"]) for c in before["chapters"]]
    for kind in ("audio", "subtitle"):
        assert packets(tmp_path / "out.mkv", kind) == packets(rich, kind)
    assert result.warnings == []


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "mov_text"), (".mov", "mov_text"), (".m4v", "mov_text")])
def test_text_subtitles_are_converted_where_they_must_be(rich: Path, tmp_path: Path, suffix: str, codec: str) -> None:
    result = boosted(rich, tmp_path / f"out{suffix}")
    assert any(f"converted to {codec}" in warning for warning in result.warnings)
    [left_out] = [warning for warning in result.warnings if "attachment stream 4" in warning]
    assert f"dropped: {suffix[1:]} cannot store it (write an .mkv" in left_out, "the name of FFmpeg's muxer is ipod"
    facts = probe(tmp_path / f"out{suffix}")
    [words] = [s for s in facts["streams"] if s["codec_type"] == "subtitle"]
    assert (words["codec_name"], words["tags"]["language"]) == (codec, "fra")
    text = ffmpeg("-i", tmp_path / f"out{suffix}", "-f", "srt", "-")
    assert "Hello <i>you</i>" in text
    assert "Two" in text
    assert [c["tags"]["title"] for c in facts["chapters"]] == ["One", "Two"]


def test_what_a_container_cannot_hold_is_named(rich: Path, tmp_path: Path) -> None:
    fast = {"codec": "libvpx", "options": (("deadline", "realtime"), ("cpu-used", "8"))}
    result = boosted(rich, tmp_path / "out.webm", **fast)
    kinds = [s["codec_name"] for s in probe(tmp_path / "out.webm")["streams"]]
    assert kinds == ["vp8", "opus", "opus", "webvtt"]
    [left_out] = [warning for warning in result.warnings if "dropped" in warning]
    assert "attachment stream 4" in left_out
    assert ".mkv" in left_out
    with pytest.raises(EncodeError, match=r"stream 1 \(aac\) is re-encoded to opus: webm cannot store it.*\.mkv"):
        boosted(rich, tmp_path / "strict.webm", input_strict=True, **fast)
    with pytest.raises(EncodeError, match=r"mp4 cannot store attachment.*\.mkv.*--allow-drop"):
        boosted(rich, tmp_path / "strict.mp4", input_strict=True)
    boosted(rich, tmp_path / "strict.mp4", input_strict=True, allow_drop=True)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_cover_art_is_kept(tmp_path: Path, suffix: str) -> None:
    from tests.media.input.test_sources import make_pictures

    cover = sorted(make_pictures(tmp_path / "frames").iterdir())[0]
    base = make_video(tmp_path / "base.mp4", pts=range(5))
    source = tmp_path / "in.mp4"
    with av.open(str(base)) as video, av.open(str(cover)) as picture, av.open(str(source), "w") as out:
        moving, still = (out.add_stream_from_template(c.streams.video[0]) for c in (video, picture))
        still.disposition = 0x400
        for container, stream in ((video, moving), (picture, still)):
            for packet in container.demux():
                if packet.size:
                    packet.stream = stream
                    out.mux_one(packet)
    boosted(source, tmp_path / f"out{suffix}")
    [warning] = boosted(source, tmp_path / "out.mov").warnings
    assert "mov cannot store it (write an .mp4 or .mkv, which can)" in warning
    # Once more from there, so that the covers of Matroska are read as well as written.
    boosted(tmp_path / f"out{suffix}", tmp_path / f"again{suffix}")
    for name, frames in (("out", 10), ("again", 20)):
        with av.open(str(tmp_path / f"{name}{suffix}")) as container:
            [found] = [s for s in container.streams if is_cover(s)]
            assert [bytes(p) for p in container.demux(found) if p.size] == [cover.read_bytes()]
        with av.open(str(tmp_path / f"{name}{suffix}")) as container:
            assert sum(1 for _ in container.decode(container.streams.video[0])) == frames


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_cover_beside_chapters_is_checked_as_itself(tmp_path: Path, suffix: str) -> None:
    """Readers give covers after all tracks, also those that the muxer makes for chapters."""
    from tests.media.input.test_sources import make_pictures

    cover = sorted(make_pictures(tmp_path / "frames").iterdir())[0]
    base = make_video(tmp_path / "base.mp4", pts=range(10), tones=1)
    source, output = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    chapter = {"id": 0, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}
    with av.open(str(base)) as video, av.open(str(source), "w") as out:
        targets = [out.add_stream_from_template(s) for s in video.streams]
        out.add_attachment("cover.png", "image/png", cover.read_bytes())
        out.set_chapters([chapter])
        for packet in video.demux():
            if packet.size:
                packet.stream = targets[packet.stream.index]
                out.mux_one(packet)
    assert boosted(source, output, input_strict=True).warnings == []
    # Once more from there: the text of chapters lies before the cover of an MP4.
    again = tmp_path / f"again{suffix}"
    assert boosted(output, again, input_strict=True).warnings == []
    with av.open(str(again)) as result:
        [found] = [s for s in result.streams if is_cover(s)]
        assert [bytes(p) for p in result.demux(found) if p.size] == [cover.read_bytes()]
        assert [c["metadata"]["title"] for c in result.chapters()] == ["One"]
    assert packets(again, "audio") == packets(source, "audio")


def test_data_arrives_or_is_left_out_with_the_name_of_what_can_hold_it(tmp_path: Path) -> None:
    base = make_video(tmp_path / "base.mp4", pts=range(10))
    source = tmp_path / "in.ts"
    with av.open(str(base)) as video, av.open(str(source), "w") as out:
        moving, data = out.add_stream_from_template(video.streams.video[0]), out.add_data_stream("klv")
        for k, packet in enumerate(p for p in video.demux() if p.dts is not None):
            packet.stream = moving
            out.mux_one(packet)
            telemetry = av.Packet(b"\x06\x0e\x2b\x34" + bytes([k] * 20))
            telemetry.stream, telemetry.time_base = data, Fraction(1, 25)
            telemetry.pts = telemetry.dts = k
            out.mux_one(telemetry)
    [before] = packets(source, "data")
    assert len(before) == 10
    for suffix in (".ts", ".nut"):
        boosted(source, tmp_path / f"out{suffix}")
        assert packets(tmp_path / f"out{suffix}", "data") == [before]
    for suffix in (".mp4", ".mkv", ".mov"):
        result = boosted(source, tmp_path / f"out{suffix}")
        assert any(
            "data stream 1 (klv) is dropped" in warning and "write a .nut" in warning for warning in result.warnings
        )
    with pytest.raises(EncodeError, match=r"cannot store data stream 1 \(klv\).*write a \.nut.*--allow-drop"):
        boosted(source, tmp_path / "strict.mp4", input_strict=True)


@pytest.mark.parametrize("kind", ["gpmd", "mebx", "fdsc"])
def test_data_of_cameras_is_kept_as_what_it_is_or_left_out_with_a_warning(tmp_path: Path, kind: str) -> None:
    """FFmpeg's muxer of MOV takes tracks of any kind, and describes gpmd alone."""
    source = camera_data(tmp_path / "in.mov", kind)
    [before] = packets(source, "data")
    assert len(before) == 5
    for suffix in (".mov", ".mp4", ".ts", ".nut"):
        output = tmp_path / f"out{suffix}"
        result = boosted(source, output)
        if suffix == ".nut" or (kind == "gpmd" and suffix != ".ts"):
            assert result.warnings == []
            assert packets(output, "data") == [before]
            continue
        [warning] = result.warnings
        better = ".mov" if kind == "gpmd" else ".nut"
        assert "data stream 1" in warning
        assert warning.endswith(f"cannot store it (write a {better}, which can)")
        assert packets(output, "data") == []
    if kind != "gpmd":
        # Also where there is nothing of it in the part that is taken.
        with pytest.raises(EncodeError, match="mov cannot store data stream 1"):
            boosted(source, tmp_path / "strict.mov", input_strict=True, duration=0.1)


def test_data_of_which_a_result_does_not_say_what_it_is_is_found(tmp_path: Path) -> None:
    path, base = camera_data(tmp_path / "out.mov", "gpmd"), Fraction(1, 25)
    written = Written(packets={1: 5})
    for k in range(10):
        written.add(k, 1)
    assert verify(path, "mov", written, base) == []
    path.write_bytes(path.read_bytes().replace(b"gpmd", b"mebx"))
    with pytest.raises(OutputError, match="has lost the codec of data stream 1"):
        verify(path, "mov", written, base)


def camera_data(path: Path, kind: str) -> Path:
    """A second track with five packets of data of a kind: a track of text, named otherwise."""
    text = path.with_name("text.srt")
    text.write_text("1\n00:00:00,000 --> 00:00:00,100\nA\n\n")
    base = make_video(path.with_name("base.mp4"), pts=range(10))
    with av.open(str(base)) as video, av.open(str(path), "w", format="mp4") as out:
        moving, data = out.add_stream_from_template(video.streams.video[0]), out.add_stream("mov_text")
        with av.open(str(text)) as words:
            decoder = words.streams[0].codec_context
            decoder.open(strict=False)
            data.codec_context.subtitle_header = decoder.subtitle_header
        for k, packet in enumerate(p for p in video.demux() if p.size):
            packet.stream = moving
            out.mux_one(packet)
            if k < 5:
                telemetry = av.Packet(bytes([k] * 20))
                telemetry.stream, telemetry.time_base = data, Fraction(1, 25)
                telemetry.pts, telemetry.dts, telemetry.duration = k, k, 1
                out.mux_one(telemetry)
    path.write_bytes(path.read_bytes().replace(b"tx3g", kind.encode()).replace(b"sbtl", b"meta"))
    return path


def test_the_text_track_of_chapters_is_no_obstacle(tmp_path: Path) -> None:
    source = chaptered(tmp_path / "in.mp4")
    with av.open(str(source)) as container:
        assert [s.type for s in container.streams] == ["video", "data"]
    for suffix in (".mp4", ".mkv"):
        assert boosted(source, tmp_path / f"out{suffix}", input_strict=True).warnings == []
        chapters = probe(tmp_path / f"out{suffix}")["chapters"]
        assert [(c["start_time"], c["tags"]["title"]) for c in chapters] == [("0.000000", "One"), ("0.200000", "Two")]


def chaptered(path: Path) -> Path:
    base = make_video(path.with_name("base.mkv"), pts=range(10))
    titles = [(0, 200, "One"), (200, 400, "Two")]
    with av.open(str(base)) as video, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(video.streams.video[0])
        out.set_chapters(
            [
                {"id": k, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": title}}
                for k, (start, end, title) in enumerate(titles)
            ]
        )
        for packet in video.demux():
            if packet.dts is not None:
                packet.stream = stream
                out.mux_one(packet)
    return path


def test_telemetry_that_comes_late_in_the_file_is_kept_with_a_part(tmp_path: Path) -> None:
    base = make_video(tmp_path / "base.mp4", pts=range(30), time_base=Fraction(1, 10), rate=10)
    source = tmp_path / "in.mp4"
    # So that packets lie in the file as they are given.
    options = {"max_interleave_delta": "1"}
    with av.open(str(base)) as video, av.open(str(source), "w", container_options=options) as out:
        moving, data = out.add_stream_from_template(video.streams.video[0]), out.add_data_stream("bin_data")
        for k, packet in enumerate(p for p in video.demux() if p.dts is not None):
            packet.stream = moving
            out.mux_one(packet)
            if k % 10 == 9:
                # A second of a camera's measurements is written when it is over.
                telemetry = av.Packet(b"DEVC" + bytes([k // 10] * 20))
                telemetry.stream, telemetry.time_base = data, Fraction(1)
                telemetry.pts = telemetry.dts = k // 10
                telemetry.duration = 1
                out.mux_one(telemetry)
    [all_of_it] = packets(source, "data")
    assert len(all_of_it) == 3
    boosted(source, tmp_path / "out.mp4", duration=Fraction(1, 2))
    assert packets(tmp_path / "out.mp4", "data") == [all_of_it[:1]]


@pytest.mark.parametrize("kind", ["wmv", "mkv", "mp4"])
def test_a_video_stream_that_is_listed_and_empty_is_not_taken(tmp_path: Path, kind: str) -> None:
    """WMV for several bit rates lists streams that the file does not hold, before the one that it does."""
    only = make_video(tmp_path / "a.mkv", pts=range(0, 200, 40), codec="mpeg4", tones=1)
    path = tmp_path / f"two.{kind}"
    with av.open(str(only)) as source, av.open(str(path), "w") as out:
        out.add_stream_from_template(source.streams.video[0])
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux_one(packet)
    result = boosted(path, tmp_path / "out.mkv")
    assert (result.frames_in, result.frames_out) == (5, 10)


def test_another_video_stream_can_be_chosen(tmp_path: Path) -> None:
    first = make_video(tmp_path / "a.mkv", pts=range(5))
    second = make_video(tmp_path / "b.mkv", pts=range(5), size=(96, 64))
    path = tmp_path / "two.mkv"
    with av.open(str(first)) as one, av.open(str(second)) as two, av.open(str(path), "w") as out:
        streams = [out.add_stream_from_template(c.streams.video[0]) for c in (one, two)]
        for container, stream in zip((one, two), streams, strict=True):
            for packet in container.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux_one(packet)
    boosted(path, tmp_path / "out.mkv", input_video_stream=1)
    assert [len(probed_times(tmp_path / "out.mkv", index)) for index in (0, 1)] == [10, 5]
    with av.open(str(tmp_path / "out.mkv")) as container:
        boosted_stream = container.streams.video[0]
        assert (boosted_stream.width, boosted_stream.height) == (96, 64)
