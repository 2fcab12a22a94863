"""Shapes and sizes of a frame's planes, odd sizes and alpha among them."""

from __future__ import annotations

import numpy as np
import pytest

from frame_booster.pixels import PixelLayout


@pytest.mark.parametrize(
    ("layout", "shapes", "frame_bytes"),
    [
        (PixelLayout(5, 3, "yuv", 8, 1, 1), ((3, 5), (2, 3), (2, 3)), 27),
        (PixelLayout(5, 3, "yuv", 10, 1, 0), ((3, 5), (3, 3), (3, 3)), 66),
        (PixelLayout(6, 4, "yuv", 8, 1, 1, alpha=True), ((4, 6), (2, 3), (2, 3), (4, 6)), 60),
        (PixelLayout(5, 5, "yuv", 8, 2, 2), ((5, 5), (2, 2), (2, 2)), 33),
        (PixelLayout(5, 3, "gray", 16), ((3, 5),), 30),
        (PixelLayout(5, 3, "rgb", 32, alpha=True), ((3, 5),) * 4, 240),
    ],
)
def test_chroma_covers_the_last_column_and_row(
    layout: PixelLayout, shapes: tuple[tuple[int, int], ...], frame_bytes: int
) -> None:
    assert layout.plane_shapes == shapes
    assert layout.frame_bytes == frame_bytes


def test_codes_fit_their_type() -> None:
    for depth, kind, top in ((8, np.uint8, 255.0), (10, np.uint16, 1023.0), (16, np.uint16, 65535.0)):
        layout = PixelLayout(2, 2, "gray", depth)
        assert (layout.dtype, layout.top, layout.floating) == (kind, top, False)
    light = PixelLayout(2, 2, "rgb", 32)
    assert (light.dtype, light.top, light.floating, light.colours) == (np.float32, 1.0, True, 3)
