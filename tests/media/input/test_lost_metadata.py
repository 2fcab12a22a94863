"""Side data of frames that is lost is told of, where it says something."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest

from frame_booster.media.input import lost_metadata
from frame_booster.media.input.source import SourceReport
from tests.conftest import boosted, ffmpeg, make_video

TOLD = "the timecode metadata of the frames is lost; the picture is not affected"


@pytest.mark.parametrize("label", [None, "00:00:00:00", "10:00:00:00", "00:00:05:00"])
@pytest.mark.parametrize("suffix", [".mpg", ".ts"])
def test_the_timecode_of_groups_of_pictures_is_told_of_where_it_is_more_than_the_time(
    tmp_path: Path, label: str | None, suffix: str
) -> None:
    make_video(tmp_path / "plain.mkv", pts=range(25), size=(32, 16))
    asked = () if label is None else ("-timecode", label)
    path = tmp_path / f"in{suffix}"
    ffmpeg("-i", tmp_path / "plain.mkv", "-c:v", "mpeg2video", *asked, path)
    result = boosted(path, tmp_path / "out.mp4")
    assert (TOLD in result.warnings) == (label in ("10:00:00:00", "00:00:05:00"))


def test_a_part_of_a_file_without_a_timecode_has_none_that_is_lost(tmp_path: Path) -> None:
    make_video(tmp_path / "plain.mkv", pts=range(100), size=(32, 16))
    ffmpeg("-i", tmp_path / "plain.mkv", "-c:v", "mpeg2video", tmp_path / "in.mpg")
    assert TOLD not in boosted(tmp_path / "in.mpg", tmp_path / "out.mp4", start="3").warnings


KEPT = "the Dolby Vision metadata of the frames is lost; the picture is not affected"
OTHER_COLOURS = (
    "the Dolby Vision metadata of the frames is lost; without it, this video (profile 5) shows green and purple colours"
)


def rpu(profile: int, full_range: int, floats: bool = False) -> bytes:
    """A Dolby Vision RPU (ETSI GS CCM 001, 5.3) that maps nothing, as it stands in a unit of H.265."""
    coefficient = f"{0:032b}" if floats else golomb(0) + f"{0:023b}"
    header = f"{2:06b}{18:011b}{profile:04b}{0:04b}10" + ("01" if floats else "00" + golomb(23)) + f"01{full_range}"
    depths = golomb(2) + golomb(2) + golomb(4) + "0" + "000" + "0" + "1"
    pivots = (golomb(0) + f"{0:010b}{1023:010b}") * 3
    # A line for each component.
    curves = (golomb(0) + golomb(0) + "0" + coefficient * 2) * 3
    bits = header + depths + "00" + golomb(0) * 3 + pivots + golomb(0) * 2 + curves
    bits += "0" * (-len(bits) % 8)
    body = bytes(int(bits[k : k + 8], 2) for k in range(0, len(bits), 8))
    check = 0xFFFFFFFF
    for bit in "".join(f"{byte:08b}" for byte in body):
        check = check << 1 & 0xFFFFFFFF ^ (0x04C11DB7 if check >> 31 ^ int(bit) else 0)
    whole = b"\x19" + body + check.to_bytes(4, "big") + b"\x80"
    return re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", whole)


def golomb(number: int) -> str:
    """The Exp-Golomb code of a number (ITU-T H.265, 9.2)."""
    return f"{number + 1:b}".rjust(2 * (number + 1).bit_length() - 1, "0")


def with_metadata(path: Path, data: bytes) -> Path:
    """H.265 without a container, with an RPU behind each picture."""
    options = {"x265-params": "log-level=none:bframes=0"}
    plain = make_video(path.with_suffix(".mkv"), pts=range(4), codec="libx265", options=options)
    with av.open(str(plain)) as container, path.open("wb") as file:
        bitstream = av.BitStreamFilterContext("hevc_mp4toannexb", container.streams.video[0])
        for packet in container.demux(video=0):
            for each in bitstream.filter(packet if packet.size else None):
                file.write(bytes(each) + b"\0\0\0\x01\x7c\x01" + data)
    return path


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (rpu(0, 1), OTHER_COLOURS),
        (rpu(0, 1, floats=True), OTHER_COLOURS),
        (rpu(0, 0), KEPT),
        (rpu(1, 1), KEPT),
    ],
)
def test_dolby_vision_whose_pictures_have_colours_of_their_own_is_told_of(
    tmp_path: Path, data: bytes, told: str
) -> None:
    warnings = boosted(with_metadata(tmp_path / "in.hevc", data), tmp_path / "out.mkv").warnings
    assert [text for text in warnings if "Dolby" in text] == [told]


@pytest.mark.parametrize(("profile", "full_range"), [(0, 1), (0, 0), (1, 1)])
def test_dolby_vision_of_av1_is_told_of(monkeypatch: pytest.MonkeyPatch, profile: int, full_range: int) -> None:
    """Its decoder gives no RPU, but what it has read of it."""
    header = struct.pack("=BxHBBBBBBB", 2, 18, profile, 0, 0, 0, 23, 1, full_range)
    found = {"DOVI_METADATA": struct.pack("=QQQ", 24, 0, 0) + header}
    monkeypatch.setattr(lost_metadata, "side_data", lambda frame, kind: found.get(kind))
    report = SourceReport()
    lost_metadata.warn_of_lost_metadata(av.VideoFrame(16, 16, "yuv420p"), Fraction(0), report)
    assert report.warnings == [OTHER_COLOURS if (profile, full_range) == (0, 1) else KEPT]
