"""Encoders that are choosy: odd sizes, subsampled chroma, code values, and what is said of a refusal."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.errors import EncodeError, InputError
from frame_booster.media.frames.pixel_formats import what_is_lost
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import SourceFrame
from frame_booster.media.output.encoders import choose_pixel_format, encoder_options
from frame_booster.media.output.lone_encoder import lone_encoder
from frame_booster.media.output.sink import SinkOptions
from frame_booster.options import BoostOptions, EncoderOptions, InputOptions
from frame_booster.pipeline.forecast import forecast
from tests.conftest import boosted, make_video, plane_rows


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
    told = any(f"libx264 cannot encode {size[0]}x{size[1]} in" in text and kept in text for text in result.warnings)
    assert told or pix_fmt == "yuv411p", "4:2:2 is the nearest format of 4:1:1 at any size"


def test_what_is_asked_for_and_does_not_fit_names_the_way_out(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(2), codec="ffv1", size=(161, 121))
    with pytest.raises(EncodeError, match=r"cannot encode 161x121 in yuv420p.*libvpx-vp9"):
        boosted(source, tmp_path / "out.mp4", pix_fmt="yuv420p")
    assert choose_pixel_format("libvpx-vp9", "yuv420p", None, size=(161, 121)) == "yuv420p"
    assert choose_pixel_format("libx264", "gray", None, size=(161, 121)) == "gray"


def test_chroma_that_is_lost_in_one_direction_is_told() -> None:
    assert what_is_lost("yuv411p", "yuv420p") == what_is_lost("yuv440p", "yuv422p") == "chroma resolution"
    assert what_is_lost("yuv411p", "yuv422p") is what_is_lost("gray", "yuv420p") is None
    assert choose_pixel_format("libx264", "yuv411p", None) == "yuv422p"


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("out.mov", {"codec": "h263"}, r"h263 cannot encode 64x48 in yuv420p at 48 .*--codec"),
        ("out.mp4", {"codec": "huffyuv"}, r"mp4 does not support video from huffyuv \(.*\.mkv, which can"),
        ("out.mp4", {"preset": "nonsense"}, r"libx264 cannot encode .*preset.*nonsense.*remove .*--preset, or use"),
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


@pytest.mark.parametrize("codec", ["mpeg4", "mpeg2video", "flv"])
def test_encoders_of_old_keep_the_picture_too(tmp_path: Path, codec: str) -> None:
    """FFmpeg's own 200 kbit/s, whatever the size, are blocks."""
    source = make_video(tmp_path / "in.mkv", pts=range(6), codec="ffv1", size=(640, 480))
    boosted(source, tmp_path / "out.mkv", codec=codec)
    pairs = zip(lumas(source), lumas(tmp_path / "out.mkv")[::2], strict=True)
    errors = [np.frombuffer(a, np.uint8).astype(float) - np.frombuffer(b, np.uint8) for a, b in pairs]
    assert np.mean(np.square(errors)) < 255**2 / 10**3.8, "38 dB"
    boosted(source, tmp_path / "small.mkv", codec=codec, options=(("b", "100k"),))
    assert (tmp_path / "small.mkv").stat().st_size < (tmp_path / "out.mkv").stat().st_size, "a rate asked for is kept"


def test_an_encoder_that_fails_at_a_frame_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(2), codec="ffv1")
    with open_source(source, InputOptions()) as opened:
        first = next(item.frame for item in opened.items() if isinstance(item, SourceFrame))
        base = Fraction(1, 50)
        options = SinkOptions(tmp_path / "out.mkv", "matroska", base, 1 / base, EncoderOptions(codec="mjpeg"))
        encoder = lone_encoder(first, opened.info, options, 0)
    encoder.encode(first, 0, 1)
    monkeypatch.setattr(encoder, "_check_tick", lambda pts: None)
    with pytest.raises(EncodeError, match="mjpeg cannot encode a frame: Invalid pts"):
        encoder.encode(first, 0, 1)


@pytest.mark.parametrize(
    ("codec", "options"),
    [("libx264", ()), ("mpeg2video", (("bf", "2"),))],
)
def test_frames_in_mxf_are_shown_in_order(tmp_path: Path, codec: str, options: tuple[tuple[str, str], ...]) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(8))
    boosted(source, tmp_path / "out.mxf", codec=codec, options=options)
    with av.open(str(tmp_path / "out.mxf")) as container:
        times = [frame.pts for frame in container.decode(video=0) if frame.pts is not None]
    assert [time - times[0] for time in times] == list(range(16))


@pytest.mark.parametrize("options", [(("bf", "2"),), (("x264-params", "bframes=2:b-adapt=0"),)])
def test_b_frames_that_mxf_would_scramble_are_refused(tmp_path: Path, options: tuple[tuple[str, str], ...]) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(8))
    with pytest.raises(
        EncodeError, match=r"out\.mxf: mxf cannot store the times of B-frames of libx264.*--encoder-option"
    ):
        boosted(source, tmp_path / "out.mxf", options=options)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(("codec", "pix_fmt"), [("huffyuv", "yuv422p"), ("utvideo", "yuv420p"), ("ffvhuff", "yuv420p")])
def test_matroska_holds_codecs_of_avi(tmp_path: Path, codec: str, pix_fmt: str, resume: bool) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(4), codec="ffv1", pix_fmt=pix_fmt, tones=1)
    extra = {"resume": True} if resume else {}
    boosted(source, tmp_path / "out.mkv", codec=codec, **extra)
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.video[0].codec_context.name == codec
        assert len(container.streams.audio) == 1
    assert lumas(tmp_path / "out.mkv")[::2] == lumas(source), "they are lossless"


@pytest.mark.parametrize(
    ("codec", "crf", "scale"),
    [("libx264", 99, "0 to 51"), ("libx264rgb", -1, "0 to 51"), ("libx265", 51.5, "0 to 51"), ("libvpx-vp9", 64, "63")],
)
def test_a_quality_beyond_the_scale_is_refused_with_the_scale(codec: str, crf: float, scale: str) -> None:
    """x264 would take it for the worst of its scale in silence, and x265 would say only that it cannot be opened."""
    with pytest.raises(InputError, match=scale):
        encoder_options(codec, EncoderOptions(crf=crf))
    assert encoder_options("libx264", EncoderOptions(crf=51))["crf"] == "51"


def test_such_a_quality_is_refused_before_a_network_is_loaded(tmp_path: Path) -> None:
    found = forecast(
        str(make_video(tmp_path / "in.mp4", pts=range(3))),
        str(tmp_path / "out.mp4"),
        BoostOptions(encoder=EncoderOptions(crf=99)),
    )
    assert (found.outcome, found.exit_code) == ("refused", InputError.exit_code)
