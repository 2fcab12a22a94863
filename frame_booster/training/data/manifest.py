"""The manifest of a set of training clips, and the interface of a store of their frames."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from frame_booster.errors import InputError
from frame_booster.text_files import read_text

FrameArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """A clip of the manifest, and the position of its frames in the store."""

    path: str
    width: int
    height: int
    frames: int
    pair_motion: tuple[float, ...]
    """Mean length of the optical flow between each pair of neighbouring frames, px; `frames - 1` numbers."""
    offset: int = 0
    """Offset of the first byte in the store of decoded clips."""


class FrameStore(Protocol):
    """A store of clips that training draws frames from."""

    clips: list[Clip]
    root: Path
    """Folder of the clips."""

    def frame(self, clip: Clip, index: int) -> FrameArray:
        """Returns frame `index` of a clip, (H, W, 3) uint8 RGB."""


def _check(path: str, width: int, height: int, frames: int, motion: tuple[float, ...]) -> None:
    """Raises ValueError if a row is invalid."""
    if min(width, height, frames) < 1:
        raise ValueError(f"{path} has {frames} frames of {width}x{height}")
    if len(motion) != frames - 1:
        raise ValueError(f"pair_motion of {path} has {len(motion)} numbers, {frames} frames have {frames - 1} pairs")
    if not all(0.0 <= value < float("inf") for value in motion):
        raise ValueError(f"pair_motion of {path} has a value that is negative or not finite")


def read_manifest(root: Path, *, permissive_only: bool) -> list[Clip]:
    """Reads `root/manifest.csv` (columns path, width, height, frames, pair_motion, permissive).

    Raises:
      InputError: the manifest is missing, lacks a column, has an invalid row, or lists no clip that may be used.
    """
    manifest = root / "manifest.csv"
    clips: list[Clip] = []
    offset = others = 0
    try:
        for row in csv.DictReader(io.StringIO(read_text(manifest))):
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
    # A row with too few cells has None for the missing ones.
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error) as error:
        raise InputError(f"the manifest is not as expected: {error}", path=manifest) from error
    if not clips:
        hint = "run fbnet dataset with more sources, or another --validation"
        if others:
            hint = f"{others} clips have no permissive licence; permissive_only = false in the recipe uses them"
        raise InputError("the manifest lists no clip that may be used", path=manifest, hint=hint)
    return clips
