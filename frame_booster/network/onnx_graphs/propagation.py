"""The flow of a neighbour as operators of ONNX, as `fbnet_2.propagation` has and describes it."""

from __future__ import annotations

import numpy as np

from frame_booster.network.fbnet_2.sizes import (
    PROPAGATION_FIT,
    PROPAGATION_GAIN,
    PROPAGATION_LUMA,
    PROPAGATION_OFFSETS,
    PROPAGATION_WINDOW,
)
from frame_booster.network.onnx_graphs.graph import Graph, Map
from frame_booster.network.onnx_graphs.layers import Layers

FLOWS = 4
"""Channels of both flows, which come first of a motion."""


def propagated(graph: Graph, layers: Layers, frame0: Map, frame1: Map, motion: Map, step: int) -> Map:
    """Returns a motion (B, 5, H/2, W/2) with flows of neighbours, out of frames (B, 3, H, W) float32."""
    flow, mask = graph.split(motion, [FLOWS, motion.channels - FLOWS])
    batch, _, height, width = flow.shape
    # Brightness of 2x2 px in one pass.
    kernel = np.asarray(PROPAGATION_LUMA, np.float32)[None, :, None, None] / 4.0 * np.ones((1, 1, 2, 2), np.float32)
    luma = [
        graph.op(
            "Conv", [frame, graph.constant(kernel)], [batch, 1, height, width], kernel_shape=[2, 2], strides=[2, 2]
        )
        for frame in (frame0, frame1)
    ]
    farthest = step * max(abs(offset) for pair in PROPAGATION_OFFSETS for offset in pair)
    pads = graph.constant([0, 0, farthest, farthest] * 2, "int64")
    around = graph.op("Pad", [flow, pads], [batch, FLOWS, height + 2 * farthest, width + 2 * farthest], mode="edge")

    def neighbour(x: Map, rows: int, columns: int) -> Map:
        top, left = farthest + step * rows, farthest + step * columns
        return graph.slice(graph.slice(x, top, top + height, 2), left, left + width, 3)

    def shares(x: Map, limits: tuple[float, float]) -> Map:
        nothing, whole = limits
        slope = 1.0 / (whole - nothing)
        line = graph.add(graph.multiply(x, slope), -nothing * slope)
        return graph.op("Clip", [line, graph.constant(0.0), graph.constant(1.0)], line.shape)

    offsets = ((0, 0), *PROPAGATION_OFFSETS)
    steps = graph.constant(np.array([-2.0 / (width - 1), -2.0 / (height - 1)])[:, None, None])
    places = graph.reshape(layers.pixel_places(height, width), [1, 2, 1, height, width])

    def sampled(image: Map, half: Map) -> Map:
        """Warps a map by all flows at once, one below the other: (B, flows, H/2, W/2)."""
        across = graph.multiply(graph.concat([graph.slice(half, 1, 2), graph.slice(half, 0, 1)]), steps)
        tried = graph.concat([neighbour(across, *offset) for offset in offsets], axis=2)
        tried = graph.reshape(tried, [batch, 2, len(offsets), height, width])
        grid = graph.reshape(graph.add(tried, places), [batch, 2, len(offsets) * height, width])
        return graph.reshape(layers.sampled(image, grid), [batch, len(offsets), height, width])

    first, second = (sampled(image, half) for image, half in zip(luma, graph.split(around, [2, 2]), strict=True))
    differences = graph.each("Abs", graph.subtract(first, second))
    reach = PROPAGATION_WINDOW
    for rows, columns in ((reach, 0), (0, reach)):
        differences = graph.op(
            "AveragePool",
            [differences],
            differences.shape,
            kernel_shape=[2 * rows + 1, 2 * columns + 1],
            pads=[rows, columns, rows, columns],
            count_include_pad=0,
        )
    best, *others = graph.split(differences, [1] * len(offsets))
    for offset, other in zip(PROPAGATION_OFFSETS, others, strict=True):
        gain = graph.subtract(best, other)
        values = gain, graph.divide(gain, graph.add(best, 1e-6)), other
        limits = *PROPAGATION_GAIN, PROPAGATION_FIT
        more, enough, alike = (shares(x, between) for x, between in zip(values, limits, strict=True))
        share = graph.multiply(graph.multiply(more, enough), alike)
        flow = graph.add(flow, graph.multiply(graph.subtract(neighbour(around, *offset), flow), share))
        best = graph.subtract(best, graph.multiply(gain, share))
    return graph.concat([flow, mask])
