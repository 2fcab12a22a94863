"""Optical flow of a teacher, stored beside the clips, and its conversion to the window of a sample.

This is how a network outside this program can be a teacher. For a clip `PATH` of a folder of clips, the flows are in
`flows/PATH.safetensors` of the same folder, with

  triplets  int32 (N, 3): numbers of the first, target and last frame, the first before the last;
  motion    float16 (N, h, w, 5): the flow from the target frame to the first (dy, dx) and to the last (dy, dx), in px
            of the clip's frames, where `frame(x - flow(x))` shows the target frame; then the share of the last frame,
            in [0, 1]. h and w are those of the frames, or smaller with the same aspect ratio.

A triplet that is drawn in reverse order uses the same entry. A triplet without an entry is trained without the teacher.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from frame_booster.errors import InputError
from frame_booster.network.weights_file import write_arrays
from frame_booster.training.data.manifest import FloatArray

FOLDER = "flows"
CHANNELS = 5


def flows_path(root: Path, clip: str) -> Path:
    """Returns the file with the flows of a clip; `clip` is its path in the manifest of the folder `root`."""
    return root / FOLDER / f"{clip}.safetensors"


def write_flows(path: Path, triplets: npt.NDArray[np.int32], motion: npt.NDArray[np.float16], teacher: str) -> None:
    """Writes the flows of one clip.

    Args:
      path: result of `flows_path`.
      triplets, motion: as described for this module.
      teacher: name of the teacher, for the metadata of the file.

    Raises:
      ValueError: the shapes are wrong or do not match.
    """
    if triplets.ndim != 2 or triplets.shape[1] != 3 or motion.ndim != 4 or motion.shape[-1] != CHANNELS:
        raise ValueError(f"triplets {triplets.shape} and motion {motion.shape} are not (N, 3) and (N, h, w, 5)")
    if len(triplets) != len(motion):
        raise ValueError(f"{len(triplets)} triplets have {len(motion)} flows")
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, npt.NDArray[Any]] = {
        "triplets": np.ascontiguousarray(triplets, np.int32),
        "motion": np.ascontiguousarray(motion, np.float16),
    }
    write_arrays(path, tensors, {"teacher": teacher})


class StoredFlows:
    """The flows of all clips; reads one triplet at a time."""

    def __init__(self) -> None:
        self._files: dict[Path, tuple[Any, dict[tuple[int, ...], int]] | None] = {}

    def _open(self, path: Path) -> tuple[Any, dict[tuple[int, ...], int]] | None:
        if path not in self._files:
            if not path.exists():
                self._files[path] = None
                return None
            try:
                file: Any = safe_open(str(path), framework="numpy")
                motion = file.get_slice("motion")
                triplets, shape = file.get_tensor("triplets"), motion.get_shape()
            except (SafetensorError, OSError) as error:
                raise InputError(f"not a file of stored flows: {error}", path=path) from error
            if triplets.ndim != 2 or triplets.shape[1] != 3 or len(shape) != 4 or shape[-1] != CHANNELS:
                found = f"triplets {triplets.shape} and motion {tuple(shape)}"
                raise InputError(f"{found} are not (N, 3) and (N, h, w, 5): not a file of stored flows", path=path)
            self._files[path] = motion, {tuple(int(v) for v in row): k for k, row in enumerate(triplets)}
        return self._files[path]

    def motion(self, path: Path, order: tuple[int, int, int]) -> FloatArray | None:
        """Returns the motion (h, w, 5) float32 of a triplet in the order it was drawn in; None without an entry.

        Args:
          path: result of `flows_path`.
          order: numbers of the first, target and last frame; decreasing if time is reversed.

        Raises:
          InputError: the file is damaged.
        """
        opened = self._open(path)
        if opened is None:
            return None
        slices, index = opened
        reversed_ = order[0] > order[2]
        number = index.get(order[::-1] if reversed_ else order)
        if number is None:
            return None
        motion = np.asarray(slices[number : number + 1][0], np.float32)
        if reversed_:
            motion = np.concatenate([motion[..., 2:4], motion[..., :2], 1.0 - motion[..., 4:]], -1)
        return motion


def motion_of_window(
    motion: FloatArray,
    frame_size: tuple[int, int],
    top: int,
    left: int,
    side: int,
    crop: int,
    flip_y: bool,
    flip_x: bool,
    turn: bool,
) -> FloatArray:
    """Crops, scales, flips and transposes the motion of a frame like the pixels of a window.

    Args:
      motion: (h, w, 5) as stored, in px of the frame.
      frame_size: (H, W) of the frame, px.
      top, left, side: the window, px of the frame.
      crop: side of the sample that the window is scaled to, px.
      flip_y, flip_x, turn: as in `windows.Window`.

    Returns:
      (crop, crop, 5) float32, with flows in px of the sample.
    """
    steps = (np.arange(crop, dtype=np.float32) + 0.5) * (side / crop)
    y = (top + steps) * (motion.shape[0] / frame_size[0]) - 0.5
    x = (left + steps) * (motion.shape[1] / frame_size[1]) - 0.5
    grid_y, grid_x = np.meshgrid(y.astype(np.float32), x.astype(np.float32), indexing="ij")
    # `cv2.remap` supports at most 4 channels.
    parts = [
        cv2.remap(np.ascontiguousarray(part), grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for part in (motion[..., :4], motion[..., 4])
    ]
    made = np.concatenate([parts[0] * np.float32(crop / side), parts[1][..., None]], -1)
    if flip_y:
        made = made[::-1] * np.asarray([-1, 1, -1, 1, 1], np.float32)
    if flip_x:
        made = made[:, ::-1] * np.asarray([1, -1, 1, -1, 1], np.float32)
    if turn:
        made = made.transpose(1, 0, 2)[..., [1, 0, 3, 2, 4]]
    return np.ascontiguousarray(made, np.float32)
