"""Planes that travel to a device and back are the same planes, one array or several."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.engine.plane_transfer import PackedTransfer, PlaneTransfer
from frame_booster.pixels import PixelLayout, Planes

LAYOUTS = [
    PixelLayout(64, 48, "yuv", 8, 1, 1),
    PixelLayout(35, 27, "yuv", 10, 1, 1),
    PixelLayout(34, 18, "yuv", 8, 0, 1, alpha=True),
    PixelLayout(20, 10, "gray", 16),
    PixelLayout(20, 10, "rgb", 32),
]


def frames_of(layout: PixelLayout, count: int) -> list[Planes]:
    draw = np.random.default_rng(3)
    return [
        tuple((255 * draw.random(shape)).astype(layout.dtype) for shape in layout.plane_shapes) for _ in range(count)
    ]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", [PlaneTransfer, PackedTransfer])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.kind}{layout.depth}")
def test_what_comes_back_is_what_was_sent(kind: type[PlaneTransfer], layout: PixelLayout, count: int) -> None:
    way, frames = kind(layout), frames_of(layout, count)

    @tf.function(input_signature=[way.specs(count)], autograph=False)
    def there_and_back(arrays: list[tf.Tensor]) -> list[tf.Tensor]:
        planes = way.received(arrays)
        assert [plane.shape.as_list() for plane in planes] == [[count, *shape] for shape in way.shapes]
        return way.sent([plane[::-1] for plane in planes])

    back = way.planes([made.numpy() for made in there_and_back(way.stacked(frames))])
    assert len(back) == layout.colours, "alpha is not the network's"
    for index, frame in enumerate(reversed(frames)):
        for plane, expected in zip(back, frame, strict=False):
            assert plane.dtype == layout.dtype
            assert np.array_equal(plane[index], expected)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.kind}{layout.depth}")
def test_a_device_is_given_one_array_and_gives_one(layout: PixelLayout) -> None:
    way = PackedTransfer(layout)
    assert len(way.stacked(frames_of(layout, 2))) == len(way.specs(2)) == 1
