"""All frames of the clips on a device, as bytes, and windows cut from them in a graph.

A CPU cannot cut samples as fast as a GPU trains on them. If the decoded clips fit into the memory of the GPU, they are
kept there, and a step only sends the positions of its windows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from frame_booster.network.layers import Tensor
from frame_booster.training.data.manifest import FrameStore
from frame_booster.training.data.windows import Window

SIDES = 16
"""Sides of windows that are cut in a graph are multiples of this, px, because each side is compiled separately."""


def decoded_bytes(store: FrameStore) -> int:
    """Returns the size of all decoded frames of a store, bytes."""
    return sum(clip.frames * clip.height * clip.width * 3 for clip in store.clips)


def area_weights(side: int, crop: int) -> npt.NDArray[np.float32]:
    """Returns the weights (crop, side) that average `side` px to `crop` px by area."""
    step = side / crop
    begins = np.arange(crop)[:, None] * step
    covered = np.minimum(begins + step, np.arange(side) + 1.0) - np.maximum(begins, np.arange(side))
    return np.asarray(np.maximum(covered, 0.0) / step, np.float32)


class ResidentFrames:
    """The decoded frames of a store on a device.

    Args:
      store: store of the clips; each frame is read once.
      device: TensorFlow's name of the device.
    """

    def __init__(self, store: FrameStore, device: str) -> None:
        flat = np.empty((decoded_bytes(store) // 3, 3), np.uint8)
        self._starts, self._sizes, at = [], [(clip.height, clip.width) for clip in store.clips], 0
        for clip in store.clips:
            self._starts.append(at)
            for number in range(clip.frames):
                pixels = clip.height * clip.width
                flat[at : at + pixels] = store.frame(clip, number).reshape(-1, 3)
                at += pixels
        with tf.device(device):
            self._flat = tf.constant(flat)
        self._cutters: dict[tuple[int, int], Callable[[Any], Tensor]] = {}

    def places(self, windows: list[Window]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], np.bool_]:
        """Returns the positions of windows as the tensors that `cutter` takes.

        Returns:
          (B, 5) the index of the first pixel in each of the three frames, and the distances to the next row and column;
            (3,) the order of the channels; and whether rows and columns are swapped. The last two are the same for the
            whole batch.
        """
        rows = []
        for window in windows:
            height, width = self._sizes[window.clip]
            top = window.top + (window.side - 1) * window.flip_y
            left = window.left + (window.side - 1) * window.flip_x
            first = self._starts[window.clip] + top * width + left
            frames = [first + number * height * width for number in window.order]
            rows.append([*frames, -width if window.flip_y else width, -1 if window.flip_x else 1])
        return np.asarray(rows, np.int64), np.asarray(windows[0].colours, np.int32), np.bool_(windows[0].turn)

    def cutter(self, side: int, crop: int) -> Callable[[Any], Tensor]:
        """Returns a function, for use in a graph, that cuts windows of a side and scales them to a crop.

        It maps the result of `places`, as tensors, to (B, 3, crop, crop, 3) float32 in [0, 255].
        """
        key = (side, crop)
        if key not in self._cutters:
            weights = tf.constant(area_weights(side, crop))

            @tf.function(autograph=False, jit_compile=True)
            def cut(flat: Tensor, places: Tensor, colours: Tensor, turn: Tensor) -> Tensor:
                steps = tf.range(side, dtype=tf.int64)
                inside = places[:, 3, None, None] * steps[:, None] + places[:, 4, None, None] * steps
                pixels = tf.gather(flat, places[:, :3, None, None] + inside[:, None])
                frames = tf.gather(tf.cast(pixels, tf.float32), colours, axis=-1)
                if side != crop:
                    frames = tf.einsum("yr,bfrxc->bfyxc", weights, frames)
                    frames = tf.einsum("xs,bfysc->bfyxc", weights, frames)
                return tf.where(turn, tf.transpose(frames, [0, 1, 3, 2, 4]), frames)

            self._cutters[key] = lambda places: cut(self._flat, *places)
        return self._cutters[key]
