"""Parts of a file, and files cut by an edit list: subtitles, chapters, sound and other video begin and end there."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import SourceReport
from frame_booster.media.input.window import Window
from frame_booster.options import InputOptions
from tests.conftest import boosted, decoded, ffmpeg, make_video, packets, probe

MS = Fraction(1, 1000)
SUBTITLES = (("early", 200, 900), ("middle", 950, 1100), ("late", 1300, 4500))
"""Text, begin and end, ms."""
CHAPTERS = (("one", 0, 700), ("two", 700, 1400), ("three", 1400, 2000))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with sound, chapters, and a last subtitle that is shown for longer than the film lasts."""
    folder = tmp_path_factory.mktemp("film")
    plain = make_video(folder / "plain.mp4", pts=range(50), size=(32, 16), tones=1)
    stamps = [
        (n, *(f"00:00:0{t // 1000},{t % 1000:03}" for t in (a, b)), text) for n, (text, a, b) in enumerate(SUBTITLES)
    ]
    (folder / "s.srt").write_text("".join(f"{n + 1}\n{a} --> {b}\n{text}\n\n" for n, a, b, text in stamps))
    chapters = "".join(f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={a}\nEND={b}\ntitle={name}\n" for name, a, b in CHAPTERS)
    (folder / "c.txt").write_text(f";FFMETADATA1\n{chapters}")
    taken = ("-map", "0", "-map", "1", "-map_metadata", "2", "-map_chapters", "2", "-c", "copy")
    ffmpeg("-i", plain, "-i", folder / "s.srt", "-i", folder / "c.txt", *taken, folder / "in.mkv")
    ffmpeg("-i", folder / "in.mkv", "-map", "0", "-c", "copy", "-c:s", "mov_text", folder / "in.mp4")
    return folder / "in.mkv"


def shown(path: Path) -> dict[str, list[tuple[Fraction, Fraction]]]:
    """When subtitles and chapters begin and end, s from the first frame."""
    facts = probe(path)
    kinds = {s["index"]: s["codec_type"] for s in facts["streams"]}
    first = min(Fraction(p["pts_time"]) for p in facts["packets"] if kinds[p["stream_index"]] == "video")
    # A packet of two bytes is the silence between two subtitles of an MP4.
    texts = [p for p in facts["packets"] if kinds[p["stream_index"]] == "subtitle" and int(p["size"]) > 2]
    begins = [Fraction(p["pts_time"]) - first for p in texts]
    ends = [begin + Fraction(p["duration_time"]) for begin, p in zip(begins, texts, strict=True)]
    chapters = [tuple(Fraction(c[key]) - first for key in ("start_time", "end_time")) for c in facts["chapters"]]
    return {"subtitles": list(zip(begins, ends, strict=True)), "chapters": chapters}  # type: ignore[dict-item]


def close(found: list[tuple[Fraction, Fraction]], wanted: list[tuple[float, float]]) -> bool:
    return len(found) == len(wanted) and all(
        abs(a - Fraction(b)) <= 25 * MS for pair in zip(found, wanted, strict=True) for a, b in zip(*pair, strict=True)
    )


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("resume", [False, True])
def test_a_part_has_the_subtitles_and_chapters_that_are_on_in_it(
    tmp_path: Path, film: Path, suffix: str, resume: bool
) -> None:
    output = tmp_path / f"out{suffix}"
    boosted(film.with_suffix(suffix), output, start=Fraction(1, 2), end=Fraction(8, 5), resume=resume)
    found = shown(output)
    assert close(found["subtitles"], [(0, 0.4), (0.45, 0.6), (0.8, 1.1)])
    assert close(found["chapters"], [(0, 0.2), (0.2, 0.9), (0.9, 1.1)])
    assert abs(Fraction(probe(output)["format"]["duration"]) - Fraction(11, 10)) < 70 * MS


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_subtitle_that_outlasts_the_film_does_not_make_it_a_truncated_one(
    tmp_path: Path, film: Path, suffix: str
) -> None:
    result = boosted(film.with_suffix(suffix), tmp_path / f"out{suffix}")
    assert result.frames_out == 100
    assert close(shown(tmp_path / f"out{suffix}")["subtitles"], [(a / 1000, b / 1000) for _, a, b in SUBTITLES])


def test_sound_before_an_edit_list_is_not_heard_in_matroska(tmp_path: Path, film: Path) -> None:
    """FFmpeg cuts at the key frame before, and lets an edit list leave out the rest."""
    cut = tmp_path / "cut.mp4"
    ffmpeg("-ss", "1.2", "-i", film.with_suffix(".mp4"), "-map", "0", "-c", "copy", cut)
    with av.open(str(cut)) as container:
        left_out = [p for p in container.demux() if p.is_discard and p.stream.type == "audio"]
        assert len(left_out) > 20
    boosted(cut, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        shown_from = min(frame.pts * frame.time_base for frame in container.decode(video=0))
    before, after = heard(cut), heard(tmp_path / "out.mkv")
    assert 0 <= shown_from - after[0] < Fraction(1, 8)
    assert 0 <= after[1] - before[1] < Fraction(1, 8)
    # With FFmpeg 8.1 decoders skipped as much of a part as the edit list hides.
    boosted(cut, tmp_path / "part.mkv", start=Fraction(2, 5))
    assert 0 <= heard(tmp_path / "part.mkv")[1] - (before[1] - Fraction(2, 5)) + Fraction(1, 25) < Fraction(1, 6)
    # An output with edit lists was refused by its own check.
    boosted(cut, tmp_path / "out.mp4")


def heard(path: Path) -> tuple[Fraction, Fraction]:
    """When the sound of a file begins, and how long it is, s, as decoders give it."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    return frames[0].pts * frames[0].time_base, Fraction(sum(f.samples for f in frames), frames[0].sample_rate)


def test_sound_that_begins_long_before_the_video_is_there_with_segments(tmp_path: Path) -> None:
    plain = make_video(tmp_path / "plain.mp4", pts=range(75), size=(32, 16), tones=1)
    late = tmp_path / "late.mp4"
    ffmpeg("-itsoffset", "3", "-i", plain, "-i", plain, "-map", "0:v", "-map", "1:a", "-c", "copy", late)
    boosted(late, tmp_path / "out.mp4", resume=True)
    assert packets(tmp_path / "out.mp4", "audio") == packets(late, "audio")


def test_another_video_begins_with_a_key_frame(tmp_path: Path) -> None:
    plain = make_video(tmp_path / "plain.mp4", pts=range(50), size=(32, 16), options={"g": "20", "preset": "ultrafast"})
    ffmpeg("-i", plain, "-i", plain, "-map", "0", "-map", "1", "-c", "copy", tmp_path / "two.mkv")
    result = boosted(tmp_path / "two.mkv", tmp_path / "out.mkv", start=Fraction(1, 2))
    [_, copied] = _packets_by_stream(tmp_path / "out.mkv")
    assert copied[0].is_keyframe
    assert any("video stream 1 starts 0.28 s late" in text for text in result.warnings)


def test_a_timecode_is_that_of_the_part_with_segments(tmp_path: Path) -> None:
    plain = make_video(tmp_path / "plain.mp4", pts=range(50), size=(32, 16))
    ffmpeg("-i", plain, "-c", "copy", "-timecode", "01:00:00:00", tmp_path / "in.mov")
    boosted(tmp_path / "in.mov", tmp_path / "out.mov", start=Fraction(1), resume=True)
    with av.open(str(tmp_path / "out.mov")) as container:
        assert container.streams.video[0].metadata["timecode"] == "01:00:01:00"
    assert len(decoded(tmp_path / "out.mov")) == 50


def _packets_by_stream(path: Path) -> list[list[Any]]:
    with av.open(str(path)) as container:
        found: list[list[Any]] = [[] for _ in container.streams]
        for packet in container.demux():
            if packet.size:
                found[packet.stream.index].append(packet)
    return found


def packet(kind: str, begin: int, duration: int) -> Any:
    """Stands in for a packet, with times in ms."""
    stream = SimpleNamespace(type=kind, index=1, codec_context=SimpleNamespace(sample_rate=48000))
    made = SimpleNamespace(stream=stream, pts=begin, dts=begin, duration=duration, time_base=MS)
    made.is_discard, made.is_keyframe = False, True
    return made


@pytest.mark.parametrize("kind", ["audio", "subtitle", "video", "data"])
def test_a_packet_at_the_end_of_a_part_is_beyond_it(kind: str) -> None:
    window = Window(Fraction(0), None, Fraction(1), SourceReport())
    assert window.take(packet(kind, 999, 40))
    assert not window.take(packet(kind, 1000, 40))


def test_a_subtitle_that_ends_where_a_part_begins_is_before_it() -> None:
    window = Window(Fraction(1), Fraction(1), None, SourceReport())
    assert not window.take(packet("subtitle", 400, 600))
    assert window.take(still_on := packet("subtitle", 400, 601))
    assert (still_on.pts, still_on.duration) == (0, 1)


def test_a_chapter_that_ends_where_a_part_begins_is_none_of_it(tmp_path: Path) -> None:
    plain, path = make_video(tmp_path / "plain.mkv", pts=range(20), size=(32, 16)), tmp_path / "in.mkv"
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        out.set_chapters(
            [
                {"id": k, "start": a, "end": b, "time_base": MS, "metadata": {"title": name}}
                for k, (name, a, b) in enumerate((("one", 0, 400), ("two", 400, 401), ("three", 401, 800)), 1)
            ]
        )
        for each in source.demux(video=0):
            if each.size:
                each.stream = stream
                out.mux(each)
    for start, wanted in ((None, ["one", "two", "three"]), (Fraction(2, 5), ["two", "three"])):
        with open_source(path, InputOptions(), start=start) as opened:
            list(opened.items())
            assert [chapter["metadata"]["title"] for chapter in opened.chapters] == wanted
