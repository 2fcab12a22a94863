"""Small videos and folders of pictures that data is made of."""

from __future__ import annotations

import time
from pathlib import Path

import av
import cv2
import numpy as np

from tests.conftest import picture


def eight_bit(t: float, width: int = 96, height: int = 64) -> np.ndarray:
    return (picture(t, width, height) * 255).round().astype(np.uint8)


def write_video(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], "yuv444p"
        for rgb in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        container.mux(stream.encode(None))
    return path


def write_pictures(folder: Path, names: list[str], *, first: int = 0, size: tuple[int, int] = (96, 64)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(names):
        cv2.imwrite(str(folder / name), eight_bit(first + k, *size)[..., ::-1])


def touch_and_sleep(task: tuple[Path, float]) -> str:
    """Work for another process: leaves a file, and takes some seconds."""
    path, seconds = task
    path.touch()
    time.sleep(seconds)
    return path.name
