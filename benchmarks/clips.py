"""Clips of a smooth scene that moves, written and read whole.

Without TensorFlow: what XLA is told by the environment must be there before TensorFlow is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

MOTION = (5, 2)
"""How far the scene moves right and down from frame to frame, px."""


def frame_of(index: int, width: int, height: int) -> av.VideoFrame:
    """A frame of the scene, yuv420p."""
    return next(scene(1, width, height, index))


def scene(count: int, width: int, height: int, first: int = 0) -> Iterator[av.VideoFrame]:
    """The frames of the scene from one on, cut out of one large picture: one of 4K by itself takes a second."""
    (right, down), last = MOTION, first + count - 1
    left, top = -right * last, -down * last
    picture = _picture(range(left, width - right * first), range(top, height - down * first))
    for index in range(first, last + 1):
        x, y = -right * index - left, -down * index - top
        cut = np.ascontiguousarray(picture[y : y + height, x : x + width])
        yield av.VideoFrame.from_ndarray(cut, "rgb24").reformat(format="yuv420p")


def _picture(columns: range, rows: range) -> Any:
    """The scene at these places of frame 0, (H, W, 3) uint8."""
    x, y = np.asarray(columns, np.float32)[None], np.asarray(rows, np.float32)[:, None]
    waves = [
        128 + 50 * np.sin(x / a) * np.cos(y / b) + 40 * np.sin((x + y) / c)
        for a, b, c in ((9, 13, 31), (7, 5, 17), (23, 11, 5))
    ]
    return np.stack(waves, -1).astype(np.uint8)


def encode(path: Path, frames: Iterable[av.VideoFrame], codec: str, settings: dict[str, str]) -> None:
    """Writes frames at 25 a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=settings)
        for k, frame in enumerate(frames):
            if k == 0:
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
                stream.codec_context.thread_type = "AUTO"
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def decode(path: Path) -> int:
    """Reads all frames and returns how many there were."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        return sum(1 for _ in container.decode(video=0))
