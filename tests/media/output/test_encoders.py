"""Encoders that are choosy: odd sizes, time bases and rates that some do not know, and what is said of a refusal."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from frame_booster.errors import EncodeError
from frame_booster.media.frames.pixel_formats import what_is_lost
from frame_booster.media.output.encoders import choose_pixel_format
from frame_booster.media.output.frame_numbers import coded_rate
from tests.conftest import boosted, decoded, make_video, plane_rows, probed_times


def lumas(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [plane_rows(frame)[0] for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("size", "pix_fmt", "kept"),
    [
        ((161, 121), "yuv420p", "yuv444p"),
        ((176, 143), "yuv420p", "yuv422p"),
        ((175, 143), "yuv420p10le", "yuv444p10le"),
        ((178, 121), "yuv411p", "yuv422p"),
        ((293, 178), "yuv410p", "yuv444p"),
    ],
)
def test_sizes_that_subsampling_does_not_divide_are_held(
    tmp_path: Path, size: tuple[int, int], pix_fmt: str, kept: str
) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(2), codec="ffv1", pix_fmt=pix_fmt, size=size)
    result = boosted(source, tmp_path / "out.mp4", options=(("qp", "0"),))
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.width, context.height, context.pix_fmt) == (*size, kept)
    assert lumas(tmp_path / "out.mp4")[::2] == lumas(source), "luma is as it was, to the code value"
    told = any(f"libx264 cannot hold {size[0]}x{size[1]} in" in text and kept in text for text in result.warnings)
    assert told or pix_fmt == "yuv411p", "4:2:2 is the nearest format of 4:1:1 at any size"


def test_what_is_asked_for_and_does_not_fit_names_the_way_out(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(2), codec="ffv1", size=(161, 121))
    with pytest.raises(EncodeError, match=r"cannot hold 161x121 in yuv420p.*libvpx-vp9"):
        boosted(source, tmp_path / "out.mp4", pix_fmt="yuv420p")
    assert choose_pixel_format("libvpx-vp9", "yuv420p", None, size=(161, 121)) == "yuv420p"
    assert choose_pixel_format("libx264", "gray", None, size=(161, 121)) == "gray"


def test_chroma_that_is_lost_in_one_direction_is_told() -> None:
    assert what_is_lost("yuv411p", "yuv420p") == what_is_lost("yuv440p", "yuv422p") == "chroma"
    assert what_is_lost("yuv411p", "yuv422p") is what_is_lost("gray", "yuv420p") is None
    assert choose_pixel_format("libx264", "yuv411p", None) == "yuv422p"


@pytest.mark.parametrize(("codec", "bframes"), [("mpeg4", 0), ("mpeg4", 2), ("mpeg2video", 2)])
@pytest.mark.parametrize("resume", [False, True])
def test_encoders_of_coarse_clocks_give_exact_times(tmp_path: Path, codec: str, bframes: int, resume: bool) -> None:
    """MPEG-4 counts 1/65535 s at the finest, MPEG-2 knows some rates; the container counts for them."""
    pts = [7 + 151 * k for k in (0, 20, 60, 80, 140, 160, 200, 220, 260, 280)]
    source = make_video(tmp_path / "in.mp4", pts=pts, time_base=Fraction(1, 90001), rate=30)
    options = {"codec": codec, "options": (("bf", str(bframes)),), "resume": resume, "segment": Fraction(1, 10)}
    result = boosted(source, tmp_path / "out.mp4", **options)
    times = [Fraction(t - 7, 90001) for a, b in itertools.pairwise([*pts, 0]) for t in (a, Fraction(a + b, 2))]
    found = probed_times(tmp_path / "out.mp4")
    assert [time - found[0] for time in found][:-1] == times[:-1]
    assert len(decoded(tmp_path / "out.mp4")) == result.frames_out == 2 * len(pts)
    assert any("the container has the true times" in text for text in result.warnings)


def test_rates_that_encoders_know() -> None:
    assert coded_rate("mpeg2video", Fraction(48)) == coded_rate("mpeg4", Fraction(48)) == 48
    assert coded_rate("mpeg1video", Fraction(48)) == 50
    assert coded_rate("mpeg4", Fraction(120000, 1001)) == 120


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("out.mov", {"codec": "h263"}, r"h263 cannot encode 64x48 in yuv420p at 48 .*--codec"),
        ("out.mp4", {"codec": "huffyuv"}, r"mp4 cannot hold the video of huffyuv \(.*\.nut, which can"),
        ("out.mp4", {"preset": "nonsense"}, r"libx264 cannot encode .*preset.*nonsense.*leave .*--preset out"),
    ],
)
def test_a_refusal_says_what_was_asked_and_what_to_do(
    tmp_path: Path, name: str, options: dict[str, Any], text: str
) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(2), rate=24, time_base=Fraction(1, 24))
    with pytest.raises(EncodeError, match=text):
        boosted(source, tmp_path / name, **options)


def test_mjpeg_takes_code_values_of_limited_range(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(2))
    boosted(source, tmp_path / "out.mkv", codec="mjpeg")
    a, b = (lumas(path) for path in (source, tmp_path / "out.mkv"))
    assert max(abs(x - y) for one, two in zip(a, b[::2], strict=True) for x, y in zip(one, two, strict=True)) < 16
