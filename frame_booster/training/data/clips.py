"""Training clips as arrays: short videos listed in a manifest, decoded once into one memory-mapped file."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

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

    def frame(self, clip: Clip, index: int) -> FrameArray:
        """Returns frame `index` of a clip, (H, W, 3) uint8 RGB."""


def read_manifest(root: Path, *, permissive_only: bool) -> list[Clip]:
    """Reads `root/manifest.csv` (columns path, width, height, frames, pair_motion, permissive).

    Raises:
      InputError: the manifest is missing, lacks a column or lists nothing to use.
    """
    manifest = root / "manifest.csv"
    clips: list[Clip] = []
    offset = 0
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if permissive_only and row["permissive"] != "yes":
                    continue
                width, height, frames = int(row["width"]), int(row["height"]), int(row["frames"])
                motion = tuple(float(value) for value in row["pair_motion"].split())
                clips.append(Clip(row["path"], width, height, frames, motion, offset))
                offset += width * height * 3 * frames
    except OSError as error:
        raise InputError(f"cannot read the manifest: {error.strerror}", path=manifest) from error
    except (KeyError, ValueError) as error:
        raise InputError(f"the manifest is not as expected: {error}", path=manifest) from error
    if not clips:
        raise InputError("the manifest lists no clip that may be used", path=manifest)
    return clips


class ClipStore:
    """Random access to the decoded frames of all clips.

    The frames lie in one file under `cache`, decoded at the first use and again when the list of clips
    changes; the page cache shares it between runs.

    Args:
      root: folder of the clips, with `manifest.csv`.
      cache: folder for the decoded file (about 300 KB a frame at 448x256).
      permissive_only: use only the clips that the manifest marks as permissively licensed.
    """

    def __init__(self, root: Path, cache: Path, *, permissive_only: bool = True) -> None:
        self.clips = read_manifest(root, permissive_only=permissive_only)
        key = hashlib.sha256(json.dumps([(c.path, c.width, c.height, c.frames) for c in self.clips]).encode())
        path = cache / f"clips-{key.hexdigest()[:12]}.rgb"
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            self._decode(root, path)
        self._bytes = np.memmap(path, np.uint8, "r")

    def _decode(self, root: Path, path: Path) -> None:
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            for clip in tqdm(self.clips, desc="decoding clips", unit="clip", disable=None):
                source = root / clip.path
                with av.open(str(source)) as container:
                    frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
                if len(frames) != clip.frames or frames[0].shape != (clip.height, clip.width, 3):
                    raise InputError("frames or size are not what the manifest says", path=source)
                for frame in frames:
                    file.write(frame.tobytes())
        partial.replace(path)

    def frame(self, clip: Clip, index: int) -> FrameArray:
        """Returns frame `index` of a clip, (H, W, 3) uint8 RGB, a read-only view."""
        size = clip.width * clip.height * 3
        start = clip.offset + index * size
        return self._bytes[start : start + size].reshape(clip.height, clip.width, 3)


def open_store(root: Path, cache: Path, *, permissive_only: bool = True) -> FrameStore:
    """Opens a folder of training material: a set of TFRecords, or clips listed in a manifest (see `ClipStore`).

    Raises:
      InputError: it is neither, or not whole.
    """
    # Not at the top: records has its frames' type from here.
    from frame_booster.training.records import RecordStore, is_record_set

    if is_record_set(root):
        return RecordStore(root, read_manifest(root, permissive_only=permissive_only))
    return ClipStore(root, cache, permissive_only=permissive_only)
