"""A video beside the boosted one is copied, also where PyAV has no encoder by the name of its decoder, or left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from frame_booster.media.passthrough.capabilities import transport_codecs
from tests.conftest import boosted, ffmpeg, make_video, packets, probe


def with_second(path: Path, encoder: str) -> Path:
    """Writes half a second of two videos."""
    make_video(path.parent / "plain.mkv", pts=range(12))
    maps = ("-map", "0", "-map", "0", "-c:v:0", "copy", "-c:v:1", encoder)
    fast = ("-cpu-used", "8") if encoder == "libaom-av1" else ()
    ffmpeg("-i", path.parent / "plain.mkv", *maps, *fast, path)
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".nut"])
def test_a_second_video_of_av1_is_copied(tmp_path: Path, suffix: str) -> None:
    source = with_second(tmp_path / "in.mkv", "libaom-av1")
    result = boosted(source, tmp_path / f"out{suffix}")
    assert result.warnings == []
    assert packets(tmp_path / f"out{suffix}", "video")[1] == packets(source, "video")[1]
    assert [s["codec_name"] for s in probe(tmp_path / f"out{suffix}")["streams"]][1] == "av1"


@pytest.mark.parametrize(("encoder", "codec"), [("libaom-av1", "av1"), ("libvpx-vp9", "vp9"), ("mpeg4", "mpeg4")])
@pytest.mark.parametrize("suffix", [".ts", ".m2ts"])
def test_a_second_video_that_readers_would_not_find_is_left_out(
    tmp_path: Path, encoder: str, codec: str, suffix: str
) -> None:
    source = with_second(tmp_path / "in.mkv", encoder)
    result = boosted(source, tmp_path / f"out{suffix}")
    held = codec in (transport_codecs("video", Path(f"out{suffix}")) or ())
    assert held == (codec == "mpeg4" and suffix == ".ts")
    told = f"video stream 1 ({codec}) is dropped: mpegts cannot store it (write an .mkv, which can)"
    assert (told in result.warnings) == (not held)
    found = [(s["codec_type"], s["codec_name"]) for s in probe(tmp_path / f"out{suffix}")["streams"]]
    assert found == [("video", "h264"), ("video", codec)][: 1 + held]
