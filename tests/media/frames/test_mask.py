"""Masks: what they hold is held to the bit, in every pixel format, however the video is turned."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from frame_booster.errors import InputError
from frame_booster.media.frames.mask import HeldArea, read_mask
from frame_booster.media.frames.planes import layout_of
from frame_booster.pixels import PixelLayout
from tests.conftest import boosted, decoded, make_video

WHITE = (slice(8, 24), slice(5, 31))


def make_mask(path: Path, shape: tuple[int, int] = (48, 64)) -> Path:
    levels = np.zeros(shape, np.uint8)
    levels[WHITE] = 255
    Image.fromarray(levels).save(path)
    return path


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuva444p10le", "gbrp10le", "gray16le"])
def test_what_is_white_is_the_source_frame_before(tmp_path: Path, pix_fmt: str) -> None:
    mask = make_mask(tmp_path / "mask.png")
    source = make_video(tmp_path / "in.mkv", codec="ffv1", pix_fmt=pix_fmt, pts=range(4))
    boosted(source, tmp_path / "out.mkv", codec="ffv1", factor=3, mask=mask)
    boosted(source, tmp_path / "plain.mkv", codec="ffv1", factor=3)
    layout = layout_of(av.VideoFrame(64, 48, pix_fmt))
    held, made, plain = (_planes(tmp_path / name, layout) for name in ("in.mkv", "out.mkv", "plain.mkv"))
    assert len(made) == 12
    differs = False
    for k, frame in enumerate(made):
        for index, plane in enumerate(frame):
            down, across = (48 // plane.shape[0], 64 // plane.shape[1])
            white = np.zeros(plane.shape, bool)
            white[8 // down : 24 // down, 5 // across : -(-31 // across)] = True
            assert np.array_equal(plane[white], held[k // 3][index][white])
            assert np.array_equal(plane[~white], plain[k][index][~white])
            differs |= not np.array_equal(plane, plain[k][index])
    assert differs


def _planes(path: Path, layout: PixelLayout) -> list[list[np.ndarray]]:
    found = []
    for _, data in decoded(path):
        flat, planes = np.frombuffer(data, layout.dtype), []
        for height, width in layout.plane_shapes:
            planes.append(flat[: height * width].reshape(height, width))
            flat = flat[height * width :]
        found.append(planes)
    return found


@pytest.mark.parametrize("depth", [8, 12, 16])
def test_gray_mixes(depth: int) -> None:
    layout = PixelLayout(256, 2, "gray", depth)
    levels = np.tile(np.arange(256, dtype=np.uint8), (2, 1))
    made, held = (np.full((2, 256), code, layout.dtype) for code in (3, int(layout.top)))
    [mixed] = HeldArea(levels, layout).hold((made,), (held,))
    assert np.array_equal(mixed[0], np.rint(3 + (layout.top - 3) * (levels[0] / 255)).astype(layout.dtype))
    light = PixelLayout(256, 2, "gray", 32)
    [mixed] = HeldArea(levels, light).hold((np.zeros((2, 256), np.float32),), (np.full((2, 256), np.nan, np.float32),))
    assert np.isnan(mixed[:, -1]).all(), "held, whatever it is"


def test_a_video_that_is_shown_turned_has_its_mask_turned(tmp_path: Path) -> None:
    """FFmpeg's own turning of what we write, where the mask is as it is shown."""
    source = make_video(tmp_path / "in.mov", rotation=True, pts=range(3))
    with av.open(str(source)) as container:
        frame = next(container.decode(video=0))
        if not frame.rotation:
            pytest.skip("this PyAV cannot write a rotation")
    levels = np.arange(48 * 64, dtype=np.int64).reshape(64, 48).astype(np.uint8)
    Image.fromarray(levels).save(tmp_path / "mask.png")
    area = read_mask(tmp_path / "mask.png").fitted(frame, layout_of(frame), None)
    # FFmpeg's angle is anticlockwise; so are NumPy's quarter turns, of rows that go down.
    assert np.array_equal(np.rot90(area._planes[0], frame.rotation // 90), levels)
    with pytest.raises(InputError, match="48x64"):
        boosted(source, tmp_path / "out.mov", mask=make_mask(tmp_path / "wide.png"))


def test_a_mask_of_another_size(tmp_path: Path) -> None:
    """One of the same shape is scaled, as is one of the shape that pixels give it; any other is refused."""
    frame = av.VideoFrame(64, 48, "yuv420p")
    layout = layout_of(frame)
    for size, pixel_shape in (((128, 96), None), ((85, 48), Fraction(4, 3))):
        Image.new("L", size, 255).save(tmp_path / "mask.png")
        area = read_mask(tmp_path / "mask.png").fitted(frame, layout, pixel_shape)
        assert all((plane == 255).all() for plane in area._planes)
    Image.new("L", (64, 40), 255).save(tmp_path / "mask.png")
    with pytest.raises(InputError, match="the mask is 64x40"):
        read_mask(tmp_path / "mask.png").fitted(frame, layout, None)


def test_every_kind_of_picture_is_read(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16)).save(tmp_path / "deep.png")
    assert read_mask(tmp_path / "deep.png").levels.tolist() == [[0, 100, 255]]
    Image.fromarray(np.array([[[255, 255, 255, 0], [255, 255, 255, 255]]], np.uint8)).save(tmp_path / "alpha.png")
    assert read_mask(tmp_path / "alpha.png").levels.tolist() == [[0, 255]]
    (tmp_path / "no.png").write_text("no picture")
    for name, what in (("no.png", "cannot be read"), ("none.png", "no such file")):
        with pytest.raises(InputError, match=what):
            read_mask(tmp_path / name)
