"""What is shown stays what was shown where frames become another kind: RGB or YCbCr, full or limited range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.conftest import boosted, make_video, plane_rows

RGB = {"colorspace": 0, "color_range": 2}
LIMITED = {"colorspace": 1, "color_range": 1}
FULL = {"colorspace": 1, "color_range": 2}


def rgb_of(frame: av.VideoFrame, matrix: int, *, full: bool) -> np.ndarray:
    """A frame of YCbCr, or gray, as ITU-R BT.601 and BT.709 turn it into RGB: (H, W, 3) in [0, 255]."""
    depth = frame.format.components[0].bits
    planes = []
    for k, plane in enumerate(frame.planes):
        row = plane_rows(frame)[k]
        codes = np.frombuffer(row, np.uint8 if depth == 8 else np.uint16).reshape(plane.height, plane.width)
        codes = codes.repeat(frame.height // plane.height, 0).repeat(frame.width // plane.width, 1)
        black, length = (0, 255) if full else (16, 219 if k == 0 else 224)
        values = codes / (1 << (depth - 8))
        planes.append((values - 128) / length if k else (values - black) / length)
    y, cb, cr = planes if len(planes) == 3 else (planes[0], 0 * planes[0], 0 * planes[0])
    kr, kb = (0.2126, 0.0722) if matrix == 1 else (0.299, 0.114)
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(np.stack([red, green, blue], -1), 0, 1) * 255


def shown(path: Path) -> np.ndarray:
    """All frames as a player shows them, by what the file says of itself: (N, H, W, 3) RGB in [0, 255]."""
    made = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            matrix, full = int(frame.colorspace), int(frame.color_range) == 2
            assert (matrix == 0) == frame.format.is_rgb or matrix == 2, "RGB and YCbCr are not each other"
            if frame.format.is_rgb:
                made.append(frame.to_ndarray(format="rgb24").astype(np.float64))
            else:
                made.append(rgb_of(frame, matrix, full=full or "yuvj" in frame.format.name))
    return np.stack(made)


@pytest.mark.parametrize(
    ("pix_fmt", "tags", "codec", "options"),
    [
        ("bgr0", RGB, "libx264", {}),
        ("bgr0", RGB, "libx264", {"pix_fmt": "yuv420p"}),
        ("gbrp10le", RGB, "libx265", {}),
        ("bgra", RGB, "libvpx-vp9", {"pix_fmt": "yuv444p"}),
        ("bgr0", RGB, "libsvtav1", {}),
        ("bgr0", RGB, "mpeg4", {"options": (("qmin", "1"), ("qmax", "2"))}),
        ("bgr0", RGB, "ffv1", {}),
        ("yuv444p", LIMITED, "libx264rgb", {}),
        ("yuv444p", FULL, "libx264rgb", {}),
        ("yuv422p", FULL, "prores_ks", {}),
        ("gray", FULL, "prores_ks", {}),
        ("yuv422p10le", FULL, "prores_ks", {}),
        ("yuv420p", FULL, "mpeg2video", {"options": (("qmin", "1"), ("qmax", "2"))}),
        ("yuv420p", FULL, "libx264", {}),
        ("yuv420p", LIMITED, "prores_ks", {}),
    ],
)
def test_a_player_shows_the_same(
    tmp_path: Path, pix_fmt: str, tags: dict[str, int], codec: str, options: dict[str, Any]
) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt=pix_fmt, tags=tags, size=(128, 96))
    result = boosted(
        source, tmp_path / "out.mov" if codec == "prores_ks" else tmp_path / "out.mkv", codec=codec, **options
    )
    before, after = shown(source), shown(Path(result.output))[::2]
    # Chroma of half the size, and the encoder, cost some; a wrong matrix or range costs ten times that.
    difference = np.abs(after - before)
    assert difference.mean() < 6.0
    assert np.abs((after - before).mean(axis=(0, 1, 2))).max() < 1.5, "no colour is shifted as a whole"
    narrowed = any("full range is converted to limited range" in text for text in result.warnings)
    assert narrowed == (tags is FULL and codec in ("prores_ks", "mpeg2video"))


@pytest.mark.parametrize("resume", [False, True])
def test_tags_are_those_of_what_was_encoded(tmp_path: Path, resume: bool) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt="bgr0", tags=RGB)
    boosted(source, tmp_path / "out.mp4", resume=resume)
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, int(context.colorspace), int(context.color_range)) == ("yuv444p", 5, 1)
