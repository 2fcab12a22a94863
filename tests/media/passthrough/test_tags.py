"""Metadata tags: what a container can keep arrives, what it cannot is named."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from frame_booster.media.output.sink import CONTAINERS
from frame_booster.media.passthrough.tags import kept_tags, lost_tags, wants_keys
from frame_booster.media.pyav.tag_text import TAGS_AS_BYTES, mend
from tests.conftest import boosted, ffmpeg, make_video, probe

PHONE = {
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 15 Pro",
    "com.apple.quicktime.creationdate": "2024-01-08T15:06:17-0800",
    "com.apple.quicktime.location.ISO6709": "+52.0000+013.0000+034.000/",
    "creation_time": "2024-01-08T23:06:17.000000Z",
}
FILM = {"title": "A film", "artist": "Someone", "comment": "Any", "date": "2024"}


def tagged(path: Path, tags: dict[str, str], **stream_tags: str) -> Path:
    plain = make_video(path.with_name("plain.mkv"), tones=1)
    options = {"movflags": "use_metadata_tags"} if path.suffix in (".mov", ".mp4") and "com." in "".join(tags) else {}
    with av.open(str(plain)) as source, av.open(str(path), "w", container_options=options) as target:
        target.metadata.update(tags)
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for stream in streams.values():
            stream.metadata.update(stream_tags)
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    return path


def tags_of(path: Path) -> dict[str, str]:
    return {key.lower(): value for key, value in probe(path)["format"].get("tags", {}).items()}


@pytest.mark.parametrize(("source", "target"), [(".mov", ".mov"), (".mp4", ".mp4"), (".mov", ".mp4"), (".mov", ".mkv")])
@pytest.mark.parametrize("extra", [(), (("movflags", "+faststart"),)])
def test_what_a_phone_says_of_a_clip_arrives(
    tmp_path: Path, source: str, target: str, extra: tuple[tuple[str, str], ...]
) -> None:
    path = tagged(tmp_path / f"in{source}", PHONE)
    result = boosted(path, tmp_path / f"out{target}", container_options=extra if target != ".mkv" else ())
    found = tags_of(tmp_path / f"out{target}")
    assert {key: found.get(key.lower(), "").replace(".000000", "") for key in PHONE} == {
        key: value.replace(".000000", "") for key, value in PHONE.items()
    }
    assert result.warnings == []


def test_titles_stay_where_players_look_for_them(tmp_path: Path) -> None:
    """FFmpeg's option for tags of any name would move them, so it is only used for those of phones."""
    boosted(tagged(tmp_path / "in.mkv", FILM | {"mood": "calm"}), tmp_path / "out.mp4")
    assert b"\xa9nam" in (tmp_path / "out.mp4").read_bytes()
    assert not wants_keys("mp4", FILM | {"mood": "calm"})
    assert wants_keys("mov", PHONE)
    assert not wants_keys("matroska", PHONE)


def test_tags_that_are_lost_are_named(tmp_path: Path) -> None:
    source = tagged(tmp_path / "in.mkv", FILM | {"mood": "calm"}, title="Clean feed", language="deu")
    result = boosted(source, tmp_path / "out.mp4")
    assert [text for text in result.warnings if "tags" in text] == [
        "tags are lost, since mp4 does not store them: MOOD"
    ]
    result = boosted(source, tmp_path / "out.ts")
    [of_file, of_video, of_sound] = [text for text in result.warnings if "tags" in text]
    assert {name.lower() for name in of_file.partition(": ")[2].split(", ")} == {*FILM, "mood"}
    assert of_video.startswith("tags of stream 0 are lost, since mpegts does not store them: ")
    assert "title" in of_video
    assert "title" in of_sound
    assert "language" not in of_sound, "which a transport stream has for sound"


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_what_is_kept_is_found_out_for_every_container(name: str) -> None:
    kept = kept_tags(name, FILM, {})
    assert set(lost_tags(FILM, kept)) <= set(FILM)
    if name in ("mp4", "mov", "matroska", "webm", "nut"):
        assert lost_tags(FILM, kept) == []
    if name in ("mpegts", "rawvideo", "yuv4mpegpipe", "gif"):
        assert lost_tags(FILM, kept) == list(FILM)


@pytest.mark.parametrize("rate", ["50", "60000/1001", "120000/1001", "240", "19001/317"])
def test_what_is_kept_does_not_go_by_the_rate(rate: str) -> None:
    assert lost_tags(FILM, kept_tags("webm", FILM, {}, Fraction(rate))) == []
    label = {"timecode": "01:00:00:00"}
    assert lost_tags(label, kept_tags("mov", label, {}, Fraction(rate))) == []
    assert lost_tags(label, {"timecode": "01:00:00:01"}) == ["timecode"]


def test_what_says_how_a_file_was_made_is_not_missed() -> None:
    technical = {
        "software": "Lavf62.12.102",
        "variant_bitrate": "900000",
        "major_brand": "isom",
        "ENCODER": "Lavf",
        "DURATION-eng": "1",
        "_STATISTICS_TAGS": "x",
        "language": "und",
    }
    assert lost_tags(technical, {}) == []
    assert lost_tags({"creation_time": "2024-01-08T23:06:17Z"}, {"date": "2024-01-08T23:06:17.000000Z"}) == []


@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".mp4", ".mxf"])
def test_the_program_that_wrote_an_mxf_is_not_missed(tmp_path: Path, suffix: str) -> None:
    source = make_video(tmp_path / "in.mxf", codec="mpeg2video", size=(64, 48))
    with av.open(str(source)) as container:
        assert {"company_name", "product_name", "product_version_num"} <= set(container.metadata)
    output = {"codec": "mpeg2video"} if suffix == ".mxf" else {}
    warnings = boosted(source, tmp_path / f"out{suffix}", **output).warnings
    assert [text for text in warnings if "tags" in text] == []


def test_uneven_gaps_in_decoding_order_do_not_make_an_mp4_shorter(tmp_path: Path) -> None:
    """The frame decoded last is the one shown last: its duration is its own, not what makes the sum right."""
    gaps = [672, 656, 672, 672, 656, 672, 672, 672, 656, 672, 656]
    pts = [sum(gaps[:k]) for k in range(len(gaps) + 1)]
    source = make_video(tmp_path / "in.mov", pts=pts, time_base=Fraction(1, 16000), rate=24, options={"bf": "2"})
    for factor in (2, 4):
        result = boosted(source, tmp_path / f"{factor}.mov", factor=factor)
        [video] = probe(tmp_path / f"{factor}.mov")["streams"]
        assert abs(Fraction(video["duration"]) - result.duration) <= Fraction(1, 1000)


def test_tags_that_are_not_utf_8_are_read(tmp_path: Path) -> None:
    plain = make_video(tmp_path / "plain.mkv", pts=range(2))
    with av.open(str(plain)) as video, av.open(str(tmp_path / "in.mkv"), "w", **TAGS_AS_BYTES) as out:
        stream = out.add_stream_from_template(video.streams.video[0])
        titles = ("Caf\u00e9 \u201cZ\u00fcrich\u201d", "Gr\u00f6\u00dfe", "Fu\u00df")
        raw = [title.encode("cp1252").decode("utf-8", "surrogateescape") for title in titles]
        out.metadata["title"], stream.metadata["title"] = raw[:2]
        chapter = {"id": 1, "start": 0, "end": 80, "time_base": Fraction(1, 1000), "metadata": {"title": raw[2]}}
        out.set_chapters([chapter])
        for packet in video.demux():
            if packet.dts is not None:
                packet.stream = stream
                out.mux_one(packet)
    result = boosted(tmp_path / "in.mkv", tmp_path / "out.mkv")
    assert result.warnings == ["tags that are not UTF-8 are read as Windows-1252: title"]
    with av.open(str(tmp_path / "out.mkv")) as made:
        assert made.metadata["title"] == "Caf\u00e9 \u201cZ\u00fcrich\u201d"
        assert made.streams[0].metadata["title"] == "Gr\u00f6\u00dfe"
        assert made.chapters()[0]["metadata"]["title"] == "Fu\u00df"


def test_text_that_is_cut_off_stays_what_it_was() -> None:
    tags = {"cut": "Z\u00fcrich \u00fc"[:-1] + "\udcc3", "plain": "Z\u00fcrich"}
    assert mend(tags) == ["cut"]
    assert tags == {"cut": "Z\u00fcrich \ufffd", "plain": "Z\u00fcrich"}


def test_the_name_of_a_track_is_its_title_everywhere(tmp_path: Path) -> None:
    plain = make_video(tmp_path / "plain.mp4", pts=range(4), tones=1)
    named = tmp_path / "named.mp4"
    ffmpeg("-i", plain, "-map", "0", "-c", "copy", "-metadata:s:a:0", "title=Microphone", named)
    for suffix in (".mkv", ".mp4"):
        result = boosted(named, tmp_path / f"out{suffix}")
        assert not result.warnings
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            tags = container.streams.audio[0].metadata
            assert "Microphone" in (tags.get("title"), tags.get("name"))
            assert suffix == ".mp4" or tags["title"] == "Microphone"
