"""Validation triplets: two frames and the true frame between them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from frame_booster.errors import InputError
from frame_booster.training.clips import FrameArray


@dataclass(frozen=True)
class Triplet:
    """One triplet; frames are (H, W, 3) uint8 RGB."""

    name: str
    motion: float
    """Mean motion between neighbours, px at the stored size."""
    frame0: FrameArray
    truth: FrameArray
    frame1: FrameArray


def _read(path: Path, size: tuple[int, int] | None) -> FrameArray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError("cannot read the picture", path=path)
    if size is not None and (image.shape[1], image.shape[0]) != size:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image[..., ::-1])


def read_triplets(root: Path, *, size: tuple[int, int] | None = None, every: bool = False) -> Iterator[Triplet]:
    """Reads the triplets listed in `root/manifest.csv`.

    Args:
      root: folder with `manifest.csv` (id, frame0, middle, frame1, mean_motion_px) and the pictures.
      size: (width, height) to scale to by area averaging; None leaves them as they are.
      every: all listed triplets; otherwise those made of im1, im2, im3 alone, one a snippet.

    Raises:
      InputError: the manifest or a picture cannot be read.
    """
    manifest = root / "manifest.csv"
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"cannot read the manifest: {error.strerror}", path=manifest) from error
    for row in rows:
        if every or row["id"].endswith("_123"):
            frames = [_read(root / row[column], size) for column in ("frame0", "middle", "frame1")]
            yield Triplet(row["id"], float(row["mean_motion_px"]), *frames)
