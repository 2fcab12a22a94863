"""Brightness of frames as operators of ONNX, as `fbnet_2.brightness` and `fbnet_2.linear_motion` have it."""

from __future__ import annotations

import numpy as np

from frame_booster.network.fbnet_2.sizes import LUMA
from frame_booster.network.onnx_graphs.graph import Graph, Map

_LUMA = np.asarray(LUMA, np.float32)[None, :, None, None]
_SECOND = 1.0, -2.0
"""Factors of a neighbour and of a pixel itself in a second difference."""


def halved_luma(graph: Graph, frame: Map) -> Map:
    """Returns the brightness of frames (B, 3, H, W) at 1/2, (B, 1, H/2, W/2), in one pass over 2x2 px."""
    batch, _, height, width = frame.shape
    kernel = graph.constant(_LUMA / 4.0 * np.ones((1, 1, 2, 2), np.float32))
    shape = [batch, 1, height // 2, width // 2]
    return graph.op("Conv", [frame, kernel], shape, kernel_shape=[2, 2], strides=[2, 2])


def second_differences_of_phases(graph: Graph, blend: Map) -> Map:
    """Returns second differences of the brightness of frames that are held as phases of 2x2 px (`phases.py`).

    Args:
      blend: (B, 12, H/2, W/2), red of the four phases, green, blue.

    Returns:
      (B, 8, H/2, W/2): along x of the four phases, then along y. Beyond an edge lies the row before the last, mirrored.
    """
    kernel = np.zeros((2, 4, 3, 4, 3, 3), np.float32)
    for phase in range(4):
        for axis, bit in ((0, 1), (1, 2)):
            kernel[axis, phase, :, phase, 1, 1] = _SECOND[1]
            # Of the neighbours of a first row one is the second row of the same 2x2 px, one that of those before.
            away = 1 if phase & bit else -1
            for step in (0, away):
                y, x = (1, 1 + step) if axis == 0 else (1 + step, 1)
                kernel[axis, phase, :, phase ^ bit, y, x] = _SECOND[0]
    kernel *= np.asarray(LUMA, np.float32)[None, None, :, None, None, None]
    return graph.convolution(around(graph, blend), kernel.reshape(8, 12, 3, 3), pads=[0, 0, 0, 0])


def gradients(graph: Graph, luma: Map) -> Map:
    """Returns the slopes of a map (B, 1, h, w) along y and along x, (B, 2, h, w)."""
    kernel = np.zeros((2, 1, 3, 3), np.float32)
    kernel[0, 0, :, 1] = kernel[1, 0, 1, :] = [-0.5, 0.0, 0.5]
    return graph.convolution(around(graph, luma), kernel, pads=[0, 0, 0, 0])


def around(graph: Graph, x: Map) -> Map:
    """Returns a map with its first and last rows and columns repeated once."""
    batch, channels, height, width = x.shape
    pads = graph.constant([0, 0, 1, 1] * 2, "int64")
    return graph.op("Pad", [x, pads], [batch, channels, height + 2, width + 2], mode="edge")
