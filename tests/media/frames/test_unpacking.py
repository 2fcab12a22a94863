"""Every pixel format that frames can be of is read, those too at which swscale gives up."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.error import ArgumentError

from frame_booster.media.frames.pixel_formats import known_formats
from frame_booster.media.frames.planes import conversion_of, layout_of, planar, planes_of


def _formats() -> list[str]:
    """Those whose frames lie in the computer's memory."""
    names = []
    for name in known_formats():
        try:
            av.VideoFrame(16, 4, name)
        except (ArgumentError, ValueError):
            continue
        names.append(name)
    return names


def test_every_pixel_format_is_read() -> None:
    names = _formats()
    assert len(names) > 150
    for name in names:
        frame = av.VideoFrame(16, 4, name)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        layout = layout_of(planar(frame))
        assert (layout.width, layout.height) == (16, 4), name


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize(
    ("kind", "word", "planes"),
    [
        ("gray32", "u4", (0,)),
        ("rgb96", "u4", (1, 2, 0)),
        ("rgba128", "u4", (1, 2, 0, 3)),
        ("yaf16", "f2", (0, 0, 0, 1)),
        ("yaf32", "f4", (0, 0, 0, 1)),
        ("rgbaf16", "f2", (1, 2, 0, 3)),
        ("rgbaf32", "f4", (1, 2, 0, 3)),
    ],
)
def test_values_are_kept(kind: str, word: str, planes: tuple[int, ...], order: str) -> None:
    name, width, height = f"{kind}{order}", 19, 3
    if name not in known_formats():
        pytest.skip("this FFmpeg has no such format")
    frame, rng = av.VideoFrame(width, height, name), np.random.default_rng(1)
    count, dtype = len(frame.format.components), np.dtype(word).newbyteorder("<" if order == "le" else ">")
    values = rng.integers(0, 1 << 32, (height, width, count))
    values = values.astype(dtype) if word == "u4" else (values / (1 << 32)).astype(dtype)
    [plane] = frame.planes
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    rows[:height, : width * count * dtype.itemsize] = np.ascontiguousarray(values).view(np.uint8).reshape(height, -1)
    made = planar(frame)
    wanted = values.astype(np.int64) >> 16 if word == "u4" else values.astype(np.float32)
    for got, component in zip(planes_of(made, layout_of(made)), planes, strict=True):
        assert np.array_equal(got, wanted[..., component])
    assert (conversion_of(name) is not None) == (word == "u4")


def test_two_pixels_in_a_byte() -> None:
    frame = av.VideoFrame(3, 1, "rgb4")
    rows = np.frombuffer(frame.planes[0], np.uint8)
    rows[:2] = (0b1000_0110, 0b0001_0000)
    made = planar(frame)
    green, blue, red = (plane[0].tolist() for plane in planes_of(made, layout_of(made)))
    assert [x > 128 for x in red] == [True, False, False]
    assert [x > 128 for x in green] == [False, True, False]
    assert [x > 128 for x in blue] == [False, False, True]
