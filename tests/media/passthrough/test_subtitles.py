"""Text subtitles that are converted: one that is damaged, or not UTF-8, does not end a run."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from frame_booster.errors import DecodeError
from tests.conftest import boosted, ffmpeg, make_video, packets

FAST_VP8 = {"codec": "libvpx", "options": (("deadline", "realtime"), ("cpu-used", "8"))}
FOREIGN, TEXT = b"d\xe9j\xe0 Zut", "déjà Zut"


def with_text(path: Path, codec: str, text: bytes) -> Path:
    """Writes a second of video with two events of text, the first of which says something in any encoding."""
    folder = path.parent
    make_video(folder / "plain.mkv", pts=range(25), size=(32, 16))
    (folder / "text.srt").write_text(
        "1\n00:00:00,100 --> 00:00:00,400\n<b>bold</b> abcdefgh\n\n2\n00:00:00,500 --> 00:00:00,900\nplain\n"
    )
    ffmpeg("-y", "-i", folder / "plain.mkv", "-i", folder / "text.srt", "-c:v", "copy", "-c:s", codec, path)
    data = path.read_bytes()
    assert len(text) == 8
    assert b"abcdefgh" in data
    path.write_bytes(data.replace(b"abcdefgh", text))
    return path


def shown(path: Path) -> str:
    return ffmpeg("-i", path, "-f", "srt", "-")


@pytest.mark.parametrize(
    ("codec", "source", "output"),
    [
        ("subrip", "in.mkv", "out.mp4"),
        ("subrip", "in.mkv", "out.webm"),
        ("ass", "in.mkv", "out.mp4"),
        ("webvtt", "in.mkv", "out.mov"),
        ("mov_text", "in.mp4", "out.mkv"),
    ],
)
def test_text_that_is_not_utf_8_is_read_with_one_warning(tmp_path: Path, codec: str, source: str, output: str) -> None:
    path = with_text(tmp_path / source, codec, FOREIGN)
    result = boosted(path, tmp_path / output, input_strict=True, **(FAST_VP8 if output == "out.webm" else {}))
    [told] = [text for text in result.warnings if "UTF-8" in text]
    assert told.startswith("events of subtitle stream 1 (")
    assert told.endswith("that are not UTF-8 are read as Windows-1252: 1")
    assert TEXT in shown(tmp_path / output)
    assert "plain" in shown(tmp_path / output)
    if codec == "mov_text":
        assert f"<b>bold</b> {TEXT}" in shown(tmp_path / output), "styles stay where they were"


def test_text_in_utf_8_is_told_of_by_no_warning(tmp_path: Path) -> None:
    path = with_text(tmp_path / "in.mkv", "subrip", "déjà v".encode())
    assert boosted(path, tmp_path / "out.mp4").warnings == ["subtitle stream 1 is converted to mov_text"]
    assert "déjà v" in shown(tmp_path / "out.mp4")


def test_text_that_is_not_utf_8_is_copied_as_it_is(tmp_path: Path) -> None:
    path = with_text(tmp_path / "in.mkv", "subrip", FOREIGN)
    assert boosted(path, tmp_path / "out.mkv").warnings == []
    assert packets(tmp_path / "out.mkv", "subtitle") == packets(path, "subtitle")


def test_an_event_that_cannot_be_decoded_is_left_out(tmp_path: Path) -> None:
    """MP4's text has its own length, in two bytes, before it."""
    whole = with_text(tmp_path / "whole.mp4", "mov_text", b"abcdefgh")
    path = tmp_path / "in.mp4"
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            if b"abcdefgh" in bytes(packet):
                damaged = av.Packet(b"\0")
                damaged.pts, damaged.dts, damaged.time_base = packet.pts, packet.dts, packet.time_base
                damaged.duration, damaged.stream = packet.duration, packet.stream
                packet = damaged
            packet.stream = streams[packet.stream.index]
            out.mux(packet)
    result = boosted(path, tmp_path / "out.mkv")
    assert "damaged packets of subtitle stream 1 (mov_text) are dropped: 1" in result.warnings
    assert "abcdefgh" not in shown(tmp_path / "out.mkv")
    assert "plain" in shown(tmp_path / "out.mkv")
    with pytest.raises(DecodeError, match=r"in\.mp4: a packet of subtitle stream 1 \(mov_text\) is damaged .*--strict"):
        boosted(path, tmp_path / "strict.mkv", input_strict=True)
    assert not (tmp_path / "strict.mkv").exists()
