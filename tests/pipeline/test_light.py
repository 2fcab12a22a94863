"""Means in linear light: by an independent formula, for every kind of layout, and what must stay to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from frame_booster.pipeline.light import mean_of
from frame_booster.pixels import PixelLayout, Planes

YUV = PixelLayout(37, 75, "yuv", 8, 1, 1)
RGB = PixelLayout(37, 75, "rgb", 8, full_range=True)
LAYOUTS = [
    YUV,
    PixelLayout(37, 75, "yuv", 10, 1, 0),
    PixelLayout(37, 75, "yuv", 16, 1, 1, matrix="bt2020"),
    PixelLayout(37, 75, "yuv", 12, full_range=True, alpha=True),
    RGB,
    PixelLayout(37, 75, "rgb", 16, alpha=True),
    PixelLayout(37, 75, "gray", 8),
    PixelLayout(37, 75, "gray", 16, full_range=True),
    PixelLayout(37, 75, "rgb", 32),
]


def drawn(layout: PixelLayout, seed: int) -> Planes:
    rng = np.random.default_rng(seed)
    if layout.floating:
        return tuple(rng.random(shape, np.float32) for shape in layout.plane_shapes)
    return tuple(rng.integers(0, int(layout.top) + 1, shape).astype(layout.dtype) for shape in layout.plane_shapes)


@pytest.mark.parametrize("transfer", [2, 8, 16, 18])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_what_does_not_move_keeps_its_codes(layout: PixelLayout, transfer: int) -> None:
    """Of any codes, those outside the nominal range too; and beside what moves, since each code counts by itself."""
    frame, other = drawn(layout, 1), drawn(layout, 2)
    mixed = tuple(np.where(np.arange(plane.shape[1]) < 8, b, plane) for plane, b in zip(frame, other, strict=True))
    for made, wanted in zip(mean_of([frame, mixed, frame], layout, transfer), frame, strict=True):
        assert made.dtype == wanted.dtype
        assert np.array_equal(made[:, 9:], wanted[:, 9:])


@pytest.mark.parametrize(("layout", "offset", "span"), [(RGB, 0, 255), (PixelLayout(37, 75, "gray", 10), 64, 876)])
def test_the_mean_is_that_of_light(layout: PixelLayout, offset: int, span: int) -> None:
    gamma = 2.2 if layout.kind == "rgb" else 2.4
    frames = [drawn(layout, seed) for seed in range(5)]
    made = mean_of(frames, layout)
    for k, plane in enumerate(made):
        codes: Any = np.stack([frame[k] for frame in frames]).astype(np.float64)
        x = (codes - offset) / span
        light = (np.sign(x) * np.abs(x) ** gamma).mean(0)
        exact = np.clip(np.sign(light) * np.abs(light) ** (1 / gamma) * span + offset, 0, layout.top)
        assert np.abs(plane - exact).max() <= 0.5 + 1e-2, "rounded to the nearest"
        assert (plane == np.rint(exact)).mean() > 0.99


def test_a_lamp_that_passes_gives_its_share_of_light() -> None:
    shapes = YUV.plane_shapes
    dark, lamp = (
        (np.full(shapes[0], y, np.uint8), *(np.full(shape, 128, np.uint8) for shape in shapes[1:])) for y in (16, 235)
    )
    made = mean_of([dark] * 7 + [lamp], YUV)
    assert set(np.unique(made[0])) == {round(16 + 219 * (1 / 8) ** (1 / 2.4))}, "not the mean code, 43"
    assert set(np.unique(made[1])) == {128}


def test_colours_count_by_their_alpha() -> None:
    layout = PixelLayout(4, 4, "rgb", 8, alpha=True)
    red, nothing = (
        [np.full((4, 4), code, np.uint8) for code in codes] for codes in ((0, 0, 255, 255), (255, 255, 0, 0))
    )
    g, b, r, a = mean_of([tuple(red), tuple(nothing)], layout)
    assert (g[0, 0], b[0, 0], r[0, 0], a[0, 0]) == (0, 0, 255, 128)
