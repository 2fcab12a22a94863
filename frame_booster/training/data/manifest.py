"""The manifest of a set of training clips, and what a store of their frames offers."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from frame_booster.errors import InputError

FrameArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """One clip of the manifest and where its frames lie in the store."""

    path: str
    width: int
    height: int
    frames: int
    pair_motion: tuple[float, ...]
    """Mean optical flow length of every pair of neighbouring frames, px; `frames - 1` numbers."""
    offset: int = 0
    """First byte in the store of decoded clips."""


class FrameStore(Protocol):
    """Where training draws its frames from."""

    clips: list[Clip]
    root: Path
    """The folder that they are from."""

    def frame(self, clip: Clip, index: int) -> FrameArray:
        """Returns frame `index` of a clip, (H, W, 3) uint8 RGB."""


def _check(path: str, width: int, height: int, frames: int, motion: tuple[float, ...]) -> None:
    """Raises ValueError where a row cannot be."""
    if min(width, height, frames) < 1:
        raise ValueError(f"{path} has {frames} frames of {width}x{height}")
    if len(motion) != frames - 1:
        raise ValueError(f"pair_motion of {path} has {len(motion)} numbers, {frames} frames have {frames - 1} pairs")
    if not all(0.0 <= value < float("inf") for value in motion):
        raise ValueError(f"pair_motion of {path} has a value that is no length")


def read_manifest(root: Path, *, permissive_only: bool) -> list[Clip]:
    """Reads `root/manifest.csv` (columns path, width, height, frames, pair_motion, permissive).

    Raises:
      InputError: the manifest is missing, lacks a column, has a row that cannot be or lists nothing to use.
    """
    manifest = root / "manifest.csv"
    clips: list[Clip] = []
    offset = others = 0
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if permissive_only and row["permissive"] != "yes":
                    others += 1
                    continue
                width, height, frames = int(row["width"]), int(row["height"]), int(row["frames"])
                motion = tuple(float(value) for value in row["pair_motion"].split())
                _check(row["path"], width, height, frames, motion)
                clips.append(Clip(row["path"], width, height, frames, motion, offset))
                offset += width * height * 3 * frames
    except OSError as error:
        raise InputError(f"cannot read the manifest: {error.strerror}", path=manifest) from error
    # A row with too few cells has None in the place of the rest.
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error) as error:
        raise InputError(f"the manifest is not as expected: {error}", path=manifest) from error
    if not clips:
        hint = "more sources, or another --validation, for fbnet dataset"
        if others:
            hint = f"{others} clips are of no permissive licence: permissive_only = false in the recipe takes them"
        raise InputError("the manifest lists no clip that may be used", path=manifest, hint=hint)
    return clips
