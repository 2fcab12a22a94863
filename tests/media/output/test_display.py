"""How a video is to be shown: turned, with pixels of a shape, in chapters; what an output does not hold is told of."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from frame_booster.errors import EncodeError
from frame_booster.media.frames.display import is_turned
from tests.conftest import boosted, picture

SHAPE = Fraction(16, 11)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shown") / "in.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = SHAPE
        stream.set_display_matrix([0, 65536, 0, -65536, 0, 0, 0, 0, 1073741824])
        container.set_chapters(
            [{"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}}]
        )
        for k in range(6):
            frame = av.VideoFrame.from_ndarray((picture(k, 96, 64) * 255).astype(np.uint8), "rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("out.mp4", None),
        ("out.mov", "prores_ks"),
        ("out.3gp", None),
        ("out.mkv", None),
        ("out.mkv", "libx265"),
        ("out.mkv", "ffv1"),
        ("out.mkv", "libvpx-vp9"),
        ("out.mkv", "libsvtav1"),
        ("out.webm", None),
        ("out.ts", None),
        ("out.flv", None),
        ("out.mxf", None),
        ("out.nut", None),
        ("out.nut", "ffv1"),
        ("out.nut", "rawvideo"),
        ("out.gif", None),
        ("out.apng", None),
        ("out.y4m", None),
    ],
)
def test_it_is_kept_or_warned_of(source: Path, tmp_path: Path, name: str, codec: str | None) -> None:
    result = boosted(source, tmp_path / name, **({} if codec is None else {"codec": codec}))
    with av.open(str(tmp_path / name)) as container:
        video = container.streams.video[0]
        frame = next(container.decode(video))
        # Some round it: GIF has eight bits for it.
        shape = video.sample_aspect_ratio
        kept = {
            "the rotation is lost": is_turned(frame),
            "the pixel aspect ratio (16:11) is lost": shape is not None and abs(shape / SHAPE - 1) < Fraction(1, 30),
            "chapters are lost": len(container.chapters()) == 1,
        }
    for text, there in kept.items():
        assert any(warning.startswith(text) for warning in result.warnings) != there, text
    for warning in result.warnings:
        # Matroska and WebM have a place for it; it is the way to their muxers that is missing.
        assert "pixel aspect ratio" not in warning or "PyAV cannot write it to" in warning


def test_where_the_reading_is_strict_it_is_an_error_before_the_work(source: Path, tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="rotation is lost"):
        boosted(source, tmp_path / "out.ts", input_strict=True)
    boosted(source, tmp_path / "out.ts", input_strict=True, allow_drop=True)
    boosted(source, tmp_path / "out.mp4", input_strict=True)


def test_pictures_hold_little_of_it(source: Path, tmp_path: Path) -> None:
    for suffix in ("png", "tif", "bmp"):
        warnings = boosted(source, tmp_path / f"%03d.{suffix}").warnings
        with av.open(str(tmp_path / f"001.{suffix}")) as container:
            turned = is_turned(next(container.decode(video=0)))
        assert any(text.startswith("the rotation is lost") for text in warnings) != turned
        assert any(text.startswith("the pixel aspect ratio (16:11) is lost") for text in warnings)
