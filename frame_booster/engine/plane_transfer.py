"""How the planes of frames reach a device, and come back.

A device of its own is told of each array by itself, which takes about a third of a millisecond whatever its size: three
planes up, two indices, a time, and three planes down were a third of all that a pair of 448x256 took on an H200. There
all planes of all frames travel as one array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from frame_booster.engine.device import tensorflow
from frame_booster.pixels import PixelLayout, Plane, Planes


class PlaneTransfer:
    """Planes as they are: what a processor computes from does not travel.

    Args:
      layout: of all frames. Alpha is not interpolated by a network, and is left out.
    """

    def __init__(self, layout: PixelLayout) -> None:
        self.dtype = np.dtype(layout.dtype)
        self.shapes = layout.plane_shapes[: layout.colours]

    def specs(self, frames: int) -> list[Any]:
        """Returns a `tf.TensorSpec` for each array that stands for so many frames."""
        tf = tensorflow()
        return [tf.TensorSpec([frames, *shape], tf.as_dtype(self.dtype)) for shape in self.shapes]

    def stacked(self, frames: Sequence[Planes]) -> list[Any]:
        """Returns the arrays that stand for these frames."""
        colours = [frame[: len(self.shapes)] for frame in frames]
        if len(colours) == 1:
            return [plane[None] for plane in colours[0]]
        return [np.stack(group) for group in zip(*colours, strict=True)]

    def received(self, arrays: Sequence[Any]) -> list[Any]:
        """Returns, within a graph, the planes (frames, h, w) of such arrays."""
        return list(arrays)

    def sent(self, planes: Sequence[Any]) -> list[Any]:
        """Returns, within a graph, the tensors that bring planes (frames, h, w) back."""
        return list(planes)

    def planes(self, arrays: Sequence[Any]) -> list[Plane]:
        """Returns the planes (frames, h, w) of what has come back."""
        return list(arrays)


class PackedTransfer(PlaneTransfer):
    """All planes of all frames as one array (frames, samples of a frame), plane after plane."""

    def __init__(self, layout: PixelLayout) -> None:
        super().__init__(layout)
        ends = np.cumsum([height * width for height, width in self.shapes]).tolist()
        self._parts = [slice(end - height * width, end) for end, (height, width) in zip(ends, self.shapes, strict=True)]
        self._samples = ends[-1]

    def specs(self, frames: int) -> list[Any]:
        tf = tensorflow()
        return [tf.TensorSpec([frames, self._samples], tf.as_dtype(self.dtype))]

    def stacked(self, frames: Sequence[Planes]) -> list[Any]:
        packed = np.empty((len(frames), self._samples), self.dtype)
        for row, frame in zip(packed, frames, strict=True):
            for part, shape, plane in zip(self._parts, self.shapes, frame, strict=False):
                row[part].reshape(shape)[...] = plane
        return [packed]

    def received(self, arrays: Sequence[Any]) -> list[Any]:
        return self.planes(arrays)

    def sent(self, planes: Sequence[Any]) -> list[Any]:
        tf = tensorflow()
        return [tf.concat([tf.reshape(plane, [plane.shape[0], -1]) for plane in planes], 1)]

    def planes(self, arrays: Sequence[Any]) -> list[Any]:
        reshape = np.reshape if isinstance(arrays[0], np.ndarray) else tensorflow().reshape
        return [
            reshape(arrays[0][:, part], [arrays[0].shape[0], *shape])
            for part, shape in zip(self._parts, self.shapes, strict=True)
        ]
