"""The flow of a neighbour as operators of ONNX, as `fbnet_2.propagation` has and describes it."""

from __future__ import annotations

import numpy as np

from frame_booster.network.fbnet_2.sizes import (
    PROPAGATION_FIT,
    PROPAGATION_GAIN,
    PROPAGATION_OFFSETS,
    PROPAGATION_WINDOW,
)
from frame_booster.network.onnx_graphs.graph import Graph, Map
from frame_booster.network.onnx_graphs.layers import Layers

FLOWS = 4
"""Channels of both flows, which come first of a motion."""


def propagated(graph: Graph, layers: Layers, luma0: Map, luma1: Map, motion: Map, step: int) -> Map:
    """Returns a motion (B, 5, h, w) with flows of neighbours, out of brightness (B, 1, h, w) float32."""
    flow, mask = graph.split(motion, [FLOWS, motion.channels - FLOWS])
    batch, _, height, width = flow.shape
    farthest = step * max(abs(offset) for pair in PROPAGATION_OFFSETS for offset in pair)
    pads = graph.constant([0, 0, farthest, farthest] * 2, "int64")
    around = graph.op("Pad", [flow, pads], [batch, FLOWS, height + 2 * farthest, width + 2 * farthest], mode="edge")

    def neighbour(x: Map, rows: int, columns: int, every: int = 1) -> Map:
        """Cuts out a neighbour's place; at 2, out of every second row and column of what is around."""
        top, left = (farthest + step * offset for offset in (rows, columns))
        rows_cut = graph.slice(x, top // every, (top + height) // every, 2)
        return graph.slice(rows_cut, left // every, (left + width) // every, 3)

    def every_second(x: Map) -> Map:
        return graph.slice(graph.slice(x, 0, x.shape[2], 2, every=2), 0, x.shape[3], 3, every=2)

    def shares(x: Map, limits: tuple[float, float]) -> Map:
        nothing, whole = limits
        slope = 1.0 / (whole - nothing)
        line = graph.add(graph.multiply(x, slope), -nothing * slope)
        return graph.op("Clip", [line, graph.constant(0.0), graph.constant(1.0)], line.shape)

    offsets = ((0, 0), *PROPAGATION_OFFSETS)
    steps = graph.constant(np.array([-2.0 / (width - 1), -2.0 / (height - 1)])[:, None, None])
    rows, columns = height // 2, width // 2
    places = graph.reshape(every_second(layers.pixel_places(height, width)), [1, 2, 1, rows, columns])

    def sampled(image: Map, half: Map) -> Map:
        """Warps a map by all flows at once, one below the other, at every second px: (B, flows, h/2, w/2)."""
        across = graph.multiply(graph.concat([graph.slice(half, 1, 2), graph.slice(half, 0, 1)]), steps)
        tried = graph.concat([neighbour(across, *offset, every=2) for offset in offsets], axis=2)
        tried = graph.reshape(tried, [batch, 2, len(offsets), rows, columns])
        grid = graph.reshape(graph.add(tried, places), [batch, 2, len(offsets) * rows, columns])
        return graph.reshape(layers.sampled(image, grid), [batch, len(offsets), rows, columns])

    halves = graph.split(every_second(around), [2, 2])
    first, second = (sampled(image, half) for image, half in zip((luma0, luma1), halves, strict=True))
    differences = graph.each("Abs", graph.subtract(first, second))
    reach = PROPAGATION_WINDOW
    for down, right in ((reach, 0), (0, reach)):
        differences = graph.op(
            "AveragePool",
            [differences],
            differences.shape,
            kernel_shape=[2 * down + 1, 2 * right + 1],
            pads=[down, right, down, right],
            count_include_pad=0,
        )
    best, *others = graph.split(layers.doubled(differences), [1] * len(offsets))
    for offset, other in zip(PROPAGATION_OFFSETS, others, strict=True):
        gain = graph.subtract(best, other)
        values = gain, graph.divide(gain, graph.add(best, 1e-6)), other
        limits = *PROPAGATION_GAIN, PROPAGATION_FIT
        more, enough, alike = (shares(x, between) for x, between in zip(values, limits, strict=True))
        share = graph.multiply(graph.multiply(more, enough), alike)
        flow = graph.add(flow, graph.multiply(graph.subtract(neighbour(around, *offset), flow), share))
        best = graph.subtract(best, graph.multiply(gain, share))
    return graph.concat([flow, mask])
