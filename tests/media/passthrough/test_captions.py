"""Closed captions: each comes out once, whatever becomes of the frame it came with."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import pytest

from frame_booster.media.frames.side_data import side_data
from frame_booster.media.passthrough.captions import MOST, CaptionQueue, with_captions
from tests.conftest import boosted, ffmpeg, make_video

TEXT = "FRAMES BETWEEN FRAMES ARE QUIET."
NULL = (0, 0)


def pair(first: int, second: int) -> bytes:
    """A CEA-608 pair of field 1 with odd parity, as a cc_data triplet."""
    return bytes([0xFC, *(b | (0x80 if bin(b & 0x7F).count("1") % 2 == 0 else 0) for b in (first, second))])


def captioned(path: Path, *, rate: Fraction | int = 25, still: bool = False, frames: int = 24) -> Path:
    """An H.264 stream in MPEG-TS of which each frame carries a pair of `TEXT`, then null pairs, and CEA-708 padding."""
    plain = make_video(
        path.with_name("plain.mkv"),
        pts=list(range(frames)),
        rate=rate,
        time_base=1 / Fraction(rate),
        options={"bf": "2", "qp": "0"},
        still=still,
    )
    pairs = [(ord(a), ord(b)) for a, b in zip(TEXT[::2], TEXT[1::2], strict=True)]
    with av.open(str(plain)) as source, av.open(str(path), "w", format="mpegts") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        start = source.streams.video[0].time_base
        packets = [p for p in source.demux(video=0) if p.dts is not None]
        order = sorted(p.pts for p in packets)
        bsf = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", source.streams.video[0])
        for packet in packets:
            number = order.index(packet.pts)
            data = pair(*(pairs[number] if number < len(pairs) else NULL)) + b"\xf8\x00\x00" * 9
            [annexb] = bsf.filter(packet)
            made = av.Packet(with_captions(bytes(annexb), data, "h264"))
            made.pts, made.dts, made.is_keyframe = annexb.pts, annexb.dts, annexb.is_keyframe
            made.time_base, made.stream = start, stream
            target.mux(made)
    return path


def spoken(path: Path) -> tuple[int, str, int]:
    """The frames of a file that carry captions, what these say, and how many pairs there are, nulls among them."""
    text, carrying, count = "", 0, 0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            data = side_data(frame, "A53_CC") or b""
            carrying += bool(data)
            for k in range(0, len(data), 3):
                if data[k] & 7 == 4:
                    count += 1
                    text += "".join(chr(b & 0x7F) for b in data[k + 1 : k + 3] if b & 0x7F)
    return carrying, text, count


def test_the_material_is_as_it_should_be(tmp_path: Path) -> None:
    assert spoken(captioned(tmp_path / "in.ts")) == (24, TEXT, 24)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("out.mp4", {}),
        ("out.mkv", {"factor": 4}),
        ("out.mkv", {"codec": "libx265"}),
        ("out.ts", {"codec": "mpeg2video", "fps": Fraction(50)}),
        ("out.mp4", {"pix_fmt": "yuv444p"}),
        ("out.mp4", {"resume": True, "segment": Fraction(1, 5)}),
        ("out.mp4", {"slow_motion": 2}),
        ("out.mp4", {"input_deinterlace": "on"}),
    ],
)
@pytest.mark.parametrize("still", [False, True])
def test_each_caption_comes_out_once(tmp_path: Path, name: str, options: dict[str, object], still: bool) -> None:
    source = captioned(tmp_path / "in.ts", still=still)
    result = boosted(source, tmp_path / name, **options)
    carrying, text, count = spoken(tmp_path / name)
    assert (text, count) == (TEXT, 24)
    assert carrying == 24, "on the frames they came with"
    assert not any("caption" in warning for warning in result.warnings)


def test_captions_of_frames_taken_for_repetitions_are_handed_on(tmp_path: Path) -> None:
    source = captioned(tmp_path / "in.ts", still=True)
    boosted(source, tmp_path / "out.mp4", dedupe=True)
    assert spoken(tmp_path / "out.mp4")[1:] == (TEXT, 24)


@pytest.mark.parametrize("fps", [60, 24, 12, 6])
def test_captions_of_frames_that_are_left_out_are_handed_on(tmp_path: Path, fps: int) -> None:
    source = captioned(tmp_path / "in.ts")
    boosted(source, tmp_path / "out.mp4", fps=Fraction(fps))
    assert spoken(tmp_path / "out.mp4")[1] == TEXT


def test_captions_that_no_frame_follows_are_told_of(tmp_path: Path) -> None:
    source = captioned(tmp_path / "in.ts", frames=16)
    result = boosted(source, tmp_path / "out.mp4", fps=Fraction(2))
    said = spoken(tmp_path / "out.mp4")[1]
    assert TEXT.startswith(said)
    lost = (len(TEXT) - len(said)) // 2
    assert f"the last {lost} packets of closed captions are lost: no frame follows them" in result.warnings


@pytest.mark.parametrize(("name", "codec"), [("out.mkv", "ffv1"), ("out.webm", None), ("out.gif", None)])
def test_an_encoder_without_captions_is_told_of(tmp_path: Path, name: str, codec: str | None) -> None:
    source = captioned(tmp_path / "in.ts")
    result = boosted(source, tmp_path / name, codec=codec)
    assert sum("closed captions are lost" in warning for warning in result.warnings) == 1


def test_pictures_have_no_captions(tmp_path: Path) -> None:
    result = boosted(captioned(tmp_path / "in.ts"), f"{tmp_path}/out/", output_format="png")
    assert "closed captions are lost: images do not store them" in result.warnings


def test_other_decoders_find_nothing_wrong(tmp_path: Path) -> None:
    source = captioned(tmp_path / "in.ts")
    for name, codec in (("a.mp4", "libx264"), ("b.mkv", "libx265"), ("c.ts", "mpeg2video")):
        boosted(source, tmp_path / name, codec=codec, fps=Fraction(50))
        assert ffmpeg("-xerror", "-err_detect", "explode", "-i", tmp_path / name, "-f", "null", "-") == ""


def test_no_more_are_due_than_a_picture_can_carry() -> None:
    queue = CaptionQueue()
    for k in range(8):
        queue.add(k, pair(65 + k, 65) * 10 + b"\xf8\x00\x00" * 5)
    taken = [queue.take(Fraction(7)) for _ in range(4)]
    assert [len(data) // 3 for data in taken] == [MOST, MOST, 18, 0]
    letters = re.sub(r"\W", "", "".join(chr(data[k + 1] & 0x7F) for data in taken for k in range(0, len(data), 3)))
    assert letters == "".join(chr(65 + k) * 10 for k in range(8))
    assert queue.owed(8) == 0


def test_one_frame_s_captions_are_left_as_they_are() -> None:
    queue = CaptionQueue()
    queue.add(3, b"\xfc\x80\x80\xf8\x00\x00")
    assert queue.take(Fraction(5, 2)) == b""
    assert queue.owed(4) == 0, "padding is nothing that anybody waits for"
    assert queue.take(Fraction(3)) == b"\xfc\x80\x80\xf8\x00\x00"


def test_what_is_no_byte_stream_is_not_touched() -> None:
    assert with_captions(b"\x00\x00\x00\x05\x65abcd", pair(65, 65), "h264") is None
