"""Maps of twice the size, held as four phases of half the size: where fusion of FBNet-2 works.

Of each 2x2 pixels, the first, second, third and fourth are maps of their own.
"""

from __future__ import annotations

import numpy as np

from frame_booster.network.fbnet_2.sizes import MOTION
from frame_booster.network.onnx_graphs.graph import Array, Graph, Map

_ENLARGED = np.array([2.0] * 4 + [1.0] * (MOTION - 4))
"""Of flows in px, where the size is doubled."""


def grid_matrix(frame: int, height: int, width: int) -> Array:
    """Returns the matrix (2, 5) from a motion to the steps (x, y) that it makes on GridSample's grid."""
    matrix = np.zeros((2, MOTION))
    # The grid counts from -1 at the first pixel to 1 at the last; a pixel is looked up against its flow.
    matrix[0, 2 * frame + 1] = -2.0 / (width - 1)
    matrix[1, 2 * frame] = -2.0 / (height - 1)
    return matrix


class Phases:
    """Enlarges a motion (B, 5, h, w) twofold, bilinear, to four phases of each map asked for, by a convolution.

    Args:
      graph: that grows.
      motion: in px of its own size.
    """

    def __init__(self, graph: Graph, motion: Map) -> None:
        self._graph = graph
        batch, channels, height, width = motion.shape
        pads = graph.constant([0, 0, 1, 1, 0, 0, 1, 1], "int64")
        self._padded = graph.op("Pad", [motion, pads], [batch, channels, height + 2, width + 2], mode="edge")

    def of(self, matrix: Array) -> Map:
        """Returns `matrix @ motion` at twice the size, in px of that size: (B, n * 4, h, w)."""
        # Half-way between: a quarter of a pixel before or after each.
        along = np.array([[0.25, 0.75, 0.0], [0.0, 0.75, 0.25]])
        enlarging = np.einsum("ay,bx->abyx", along, along).reshape(4, 1, 3, 3)
        scaled = matrix * _ENLARGED
        kernel = scaled[:, None, :, None, None] * enlarging[None]
        return self._graph.convolution(self._padded, kernel.reshape(-1, MOTION, 3, 3), pads=[0, 0, 0, 0])
