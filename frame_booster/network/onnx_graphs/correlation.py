"""Correlation of FBNet-2 as operators of ONNX: a cost volume by products of matrices."""

from __future__ import annotations

import numpy as np

from frame_booster.network.onnx_graphs.graph import Graph, Map

EPSILON = 1e-12
"""Least length that features are divided by, as `fbnet_2.correlation.EPSILON`."""


def correlation_within(graph: Graph, first: Map, second: Map, reach: int) -> Map:
    """Correlates two maps, as `fbnet_2.correlation.correlation_within`, by products of matrices.

    A row of frame 0 meets the rows of frame 1 as far below it as displacements ask for, all columns with all
    columns in one product, of which those at opposite displacements are taken: three operators, where a slice for
    each of 81 displacements would be hundreds.
    """
    batch, channels, height, width = first.shape
    side = 2 * reach + 1
    rows = graph.transpose(unit_length(graph, first), [0, 2, 3, 1])
    others = graph.transpose(unit_length(graph, second), [0, 2, 1, 3])
    # Rows outside of the map are zeros.
    edge = graph.constant([0, 2 * reach, 0, 0, 0, 2 * reach, 0, 0], "int64")
    others = graph.op("Pad", [others, edge], [batch, height + 4 * reach, channels, width])
    below = [graph.slice(others, 2 * (reach - dy), 2 * (reach - dy) + height, 1) for dy in range(-reach, reach + 1)]
    products = graph.op("MatMul", [rows, graph.concat(below, 3)], [batch, height, width, side * width])
    flat = graph.reshape(products, [batch, height * width * side * width])
    indices = graph.constant(_opposite(height, width, reach), "int32")
    taken = graph.take(flat, indices, 1)
    return graph.reshape(taken, [batch, side * side, height, width])


def unit_length(graph: Graph, features: Map) -> Map:
    """Returns features of any float dtype as float32, those of each place at a length of 1."""
    x = graph.cast(features, "float32")
    lengths = graph.op("ReduceL2", [x], [x.shape[0], 1, *x.sides], axes=[1], keepdims=1)
    return graph.divide(x, graph.maximum(lengths, EPSILON))


def _opposite(height: int, width: int, reach: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Returns, for each displacement and place, which of the products is that of opposite displacements.

    Products are those of row y1 and column x1 of frame 0, dy, and column x2 of row y1 - 2 dy of frame 1, in this order;
    of a displacement (dy, dx), y1 = y + dy, x1 = x + dx and x2 = x - dx. Outside of a map a product that is zero.
    """
    side = 2 * reach + 1
    dy, dx, y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1, :height, :width]
    y1, x1, x2 = y + dy, x + dx, x - dx
    inside = (y1 >= 0) & (y1 < height) & (x1 >= 0) & (x1 < width) & (x2 >= 0) & (x2 < width)
    index = ((y1 * width + x1) * side + dy + reach) * width + x2
    # Row 0 of frame 0 with the row 2 * reach above it, which is outside.
    nothing = 2 * reach * width
    return np.where(inside, index, nothing).astype(np.int32).reshape(-1)
