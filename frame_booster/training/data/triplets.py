"""Validation triplets: two frames and the true frame between them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from frame_booster.errors import InputError
from frame_booster.text_files import read_text
from frame_booster.training.data.dataset_layouts import LAYOUTS, recognise
from frame_booster.training.data.manifest import FrameArray, read_manifest
from frame_booster.training.data.records import RecordStore, is_record_set
from frame_booster.training.data.shot_splitting import mean_motion, read_picture


@dataclass(frozen=True)
class Triplet:
    """A triplet of (H, W, 3) uint8 RGB frames."""

    name: str
    motion: float
    """Mean motion between neighbouring frames, px at the stored size."""
    frame0: FrameArray
    truth: FrameArray
    frame1: FrameArray


COLUMNS = ("id", "frame0", "middle", "frame1", "mean_motion_px")
"""Columns that a manifest of triplets must have: a name, three images relative to the folder, and the mean motion."""
_ONE_A_SNIPPET = "_123"
"""Suffix of the id of the triplet im1, im2, im3, which represents its snippet. If no id has it, all triplets are
used."""


def _triplet(name: str, motion: float, frames: list[FrameArray], size: tuple[int, int] | None, root: Path) -> Triplet:
    """Creates a triplet of frames scaled to a size.

    Raises:
      InputError: the frames differ in size.
    """
    sizes = [f"{frame.shape[1]}x{frame.shape[0]}" for frame in frames]
    if len(set(sizes)) > 1:
        raise InputError(f"the frames of the triplet {name} differ in size: {', '.join(sizes)}", path=root)
    return Triplet(name, motion, *(_sized(frame, size) for frame in frames))


def _sized(frame: FrameArray, size: tuple[int, int] | None) -> FrameArray:
    if size is None or (frame.shape[1], frame.shape[0]) == size:
        return frame
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def read_triplets(root: Path, *, size: tuple[int, int] | None = None, every: bool = False) -> Iterator[Triplet]:
    """Reads the triplets of a folder.

    Args:
      root: a folder with `manifest.csv` (`COLUMNS`) and images; a set of TFRecords (`records`), of which the frames
        around the middle of each snippet are used; or a published set in its own layout (`dataset_layouts`), of which
        the validation part is used and its motion measured.
      size: (width, height) to scale to by area averaging; None: frames are not scaled.
      every: use all listed triplets, not only those whose ids end in `_123` (if there are such); of records, also use
        the frames two, three, ... steps from the middle.

    Raises:
      InputError: there is no triplet, an image cannot be read, or the frames of a triplet differ in size.
    """
    if is_record_set(root):
        found = _of_records(root, size, every)
    elif (root / "manifest.csv").exists() or not root.is_dir():
        found = _of_manifest(root, size, every)
    else:
        found = _of_layout(root, size)
    some = False
    for triplet in found:
        some = True
        yield triplet
    if not some:
        raise InputError("has no triplets", path=root, hint="make some with `fbnet dataset`")


def _of_manifest(root: Path, size: tuple[int, int] | None, every: bool) -> Iterator[Triplet]:
    manifest = root / "manifest.csv"
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(manifest))))
    except OSError as error:
        raise InputError(f"cannot read the manifest: {error.strerror}", path=manifest) from error
    except (ValueError, csv.Error) as error:
        raise InputError(f"the manifest is not a table: {error}", path=manifest) from error
    for number, row in enumerate(rows, 1):
        if missing := [column for column in COLUMNS if not row.get(column)]:
            hint = f"a manifest of triplets has the columns {', '.join(COLUMNS)}; clips are given as --clips"
            raise InputError(f"row {number} has no {', '.join(missing)}", path=manifest, hint=hint)
    marked = [row for row in rows if row["id"].endswith(_ONE_A_SNIPPET)]
    for row in rows if every or not marked else marked:
        try:
            motion = float(row["mean_motion_px"])
        except ValueError as error:
            raise InputError(f"mean_motion_px of {row['id']} is not a number", path=manifest) from error
        frames = [read_picture(root / row[column]) for column in COLUMNS[1:4]]
        yield _triplet(row["id"], motion, frames, size, manifest)


def _of_records(root: Path, size: tuple[int, int] | None, every: bool) -> Iterator[Triplet]:
    store = RecordStore(root, read_manifest(root, permissive_only=False))
    for clip in store.clips:
        middle = (clip.frames - 1) // 2
        for step in range(1, (middle if every else min(middle, 1)) + 1):
            frames = [store.frame(clip, middle + k * step) for k in (-1, 0, 1)]
            motion = sum(clip.pair_motion[middle - step : middle + step]) / 2
            yield _triplet(clip.path if step == 1 else f"{clip.path}*{step}", motion, frames, size, root)


def _of_layout(root: Path, size: tuple[int, int] | None) -> Iterator[Triplet]:
    layout = recognise(root)
    units = [unit for unit in LAYOUTS[layout](root) if unit.whole and unit.split == "val"]
    for unit in units:
        for number, paths in enumerate(unit.snippets):
            middle = (len(paths) - 1) // 2
            frames = [read_picture(paths[middle + k]) for k in (-1, 0, 1)]
            name = unit.name if len(unit.snippets) == 1 else f"{unit.name}/{number:04d}"
            made = _triplet(name, 0.0, frames, size, paths[0].parent)
            motion = (mean_motion(frames[0], frames[1]) + mean_motion(frames[1], frames[2])) / 2
            yield replace(made, motion=motion)
