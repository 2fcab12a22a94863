"""Validation triplets: two frames and the true frame between them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from frame_booster.errors import InputError
from frame_booster.training.data.dataset_layouts import LAYOUTS, recognise
from frame_booster.training.data.manifest import FrameArray, read_manifest
from frame_booster.training.data.records import RecordStore, is_record_set
from frame_booster.training.data.shot_splitting import mean_motion, read_picture


@dataclass(frozen=True)
class Triplet:
    """One triplet; frames are (H, W, 3) uint8 RGB."""

    name: str
    motion: float
    """Mean motion between neighbours, px at the stored size."""
    frame0: FrameArray
    truth: FrameArray
    frame1: FrameArray


def _sized(frame: FrameArray, size: tuple[int, int] | None) -> FrameArray:
    if size is None or (frame.shape[1], frame.shape[0]) == size:
        return frame
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def read_triplets(root: Path, *, size: tuple[int, int] | None = None, every: bool = False) -> Iterator[Triplet]:
    """Reads the triplets of a folder.

    Args:
      root: one of
        a folder with `manifest.csv` (id, frame0, middle, frame1, mean_motion_px) and the pictures;
        a set of TFRecords (`records`): of each snippet the frames around its middle;
        a published set in its layout (`dataset_layouts`): its validation part, whose motion is measured.
      size: (width, height) to scale to by area averaging; None leaves them as they are.
      every: of snippets of pictures all listed triplets, otherwise those made of im1, im2, im3 alone; of records also
        the frames two, three, ... steps from the middle.

    Raises:
      InputError: there is nothing of the kind, or a picture cannot be read.
    """
    if is_record_set(root):
        yield from _of_records(root, size, every)
    elif (root / "manifest.csv").exists() or not root.is_dir():
        yield from _of_manifest(root, size, every)
    else:
        yield from _of_layout(root, size)


def _of_manifest(root: Path, size: tuple[int, int] | None, every: bool) -> Iterator[Triplet]:
    manifest = root / "manifest.csv"
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"cannot read the manifest: {error.strerror}", path=manifest) from error
    for row in rows:
        if every or row["id"].endswith("_123"):
            frames = [_sized(read_picture(root / row[column]), size) for column in ("frame0", "middle", "frame1")]
            yield Triplet(row["id"], float(row["mean_motion_px"]), *frames)


def _of_records(root: Path, size: tuple[int, int] | None, every: bool) -> Iterator[Triplet]:
    store = RecordStore(root, read_manifest(root, permissive_only=False))
    for clip in store.clips:
        middle = (clip.frames - 1) // 2
        for step in range(1, (middle if every else min(middle, 1)) + 1):
            frames = [_sized(store.frame(clip, middle + k * step), size) for k in (-1, 0, 1)]
            motion = sum(clip.pair_motion[middle - step : middle + step]) / 2
            yield Triplet(clip.path if step == 1 else f"{clip.path}*{step}", motion, *frames)


def _of_layout(root: Path, size: tuple[int, int] | None) -> Iterator[Triplet]:
    layout = recognise(root)
    units = [unit for unit in LAYOUTS[layout](root) if unit.whole and unit.split == "val"]
    if not units:
        raise InputError("has no triplets", path=root, hint="make some with `fbnet dataset`")
    for unit in units:
        for number, paths in enumerate(unit.snippets):
            middle = (len(paths) - 1) // 2
            frames = [read_picture(paths[middle + k]) for k in (-1, 0, 1)]
            motion = (mean_motion(frames[0], frames[1]) + mean_motion(frames[1], frames[2])) / 2
            name = unit.name if len(unit.snippets) == 1 else f"{unit.name}/{number:04d}"
            yield Triplet(name, motion, *[_sized(frame, size) for frame in frames])
