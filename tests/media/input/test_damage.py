"""Damage in the middle of a file: what there is comes out, and nothing of it is hidden."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from frame_booster.errors import DecodeError, EncodeError, OutputError
from frame_booster.media.output.file import FileSink
from tests.conftest import boosted, ffmpeg, make_video, packets


def test_damaged_frames_are_told_of(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(12), seed=1, options={"qp": "20", "preset": "ultrafast"})
    data = bytearray(source.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    source.write_bytes(data)
    result = boosted(source, tmp_path / "out.mkv")
    assert result.decode_errors
    assert any(text.startswith("damaged frames are concealed by the decoder") for text in result.warnings)


def test_a_damaged_packet_of_sound_is_left_out_with_a_warning(tmp_path: Path) -> None:
    """AAC of a transmission has a header in each packet, which Matroska and MP4 take off."""
    source = make_video(tmp_path / "in.ts", pts=range(50), size=(32, 16), tones=1)
    data = source.read_bytes()
    at = data.find(b"\xff\xf1", len(data) // 2)
    source.write_bytes(data[:at] + bytes(2) + data[at + 2 :])
    result = boosted(source, tmp_path / "out.mkv")
    [before], [after] = packets(source, "audio"), packets(tmp_path / "out.mkv", "audio")
    assert 0 < len(before) - len(after) < 10
    assert any("damaged packets of audio stream 1 (aac) are dropped" in text for text in result.warnings)
    with pytest.raises(DecodeError, match=r"audio stream 1 .* is damaged"):
        boosted(source, tmp_path / "strict.mkv", input_strict=True)


def test_a_change_of_the_shape_of_pixels_is_told_of(tmp_path: Path) -> None:
    """Television goes over from 4:3 to 16:9 and back."""
    plain = make_video(tmp_path / "plain.mp4", pts=range(20), size=(32, 16))
    for name, shape in (("a", "1/1"), ("b", "4/3")):
        ffmpeg(
            "-i", plain, "-c", "copy", "-bsf:v", f"h264_metadata=sample_aspect_ratio={shape}", tmp_path / f"{name}.ts"
        )
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join((tmp_path / f"{name}.ts").read_bytes() for name in "ab"))
    result = boosted(both, tmp_path / "out.mkv")
    assert any("the pixel aspect ratio changes from 1:1 to 4:3" in text for text in result.warnings)


def test_a_stream_that_the_container_refuses_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without its sound and with a warning would be failure reported as success."""
    put = FileSink._put

    def refusing(sink: FileSink, packet: av.Packet) -> None:
        if packet.stream.type == "audio":
            raise OutputError("cannot be written") from av.error.InvalidDataError(1, "invalid")
        put(sink, packet)

    monkeypatch.setattr(FileSink, "_put", refusing)
    source = make_video(tmp_path / "in.mkv", pts=range(12), size=(32, 16), tones=1)
    with pytest.raises(EncodeError, match=r"rejects \d+ packets of audio stream 1 \(aac\), which is most of it"):
        boosted(source, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()
