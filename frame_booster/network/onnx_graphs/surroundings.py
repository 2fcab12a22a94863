"""The motion of a place's surroundings as operators of ONNX, as `fbnet_2.surroundings` has and describes it."""

from __future__ import annotations

from frame_booster.network.fbnet_2.sizes import (
    SURROUNDINGS_AWAY,
    SURROUNDINGS_FIT,
    SURROUNDINGS_GAIN,
    SURROUNDINGS_LEFT,
    SURROUNDINGS_REACHES,
    SURROUNDINGS_SHARPNESS,
    SURROUNDINGS_SPREAD,
    SURROUNDINGS_TEXTURE,
    SURROUNDINGS_WINDOW,
)
from frame_booster.network.onnx_graphs.correlation import unit_length
from frame_booster.network.onnx_graphs.graph import Graph, Map
from frame_booster.network.onnx_graphs.layers import Layers

FLOWS = 4
"""Channels of both flows, which come first of what is known."""
LEAST_WEIGHT = 1e-12


def fitting_surroundings(graph: Graph, layers: Layers, known: Map, features0: Map, features1: Map) -> Map:
    """Returns what is known (B, KNOWN, h, w) with the flow of surroundings where that fits better."""
    flow, rest = graph.split(known, [FLOWS, known.channels - FLOWS])

    def mean(x: Map, reach: int) -> Map:
        for rows, columns in ((reach, 0), (0, reach)):
            kernel, pads = [2 * rows + 1, 2 * columns + 1], [rows, columns, rows, columns]
            x = graph.op("AveragePool", [x], x.shape, kernel_shape=kernel, pads=pads, count_include_pad=0)
        return x

    def reduced(kind: str, x: Map) -> Map:
        return graph.op(kind, [x], [x.shape[0], 1, *x.sides], axes=[1], keepdims=1)

    def likeness(flow: Map) -> Map:
        pairs = zip((features0, features1), graph.split(flow, [2, 2]), strict=True)
        units = [unit_length(graph, layers.warped(features, half)) for features, half in pairs]
        products = graph.multiply(units[0], units[1])
        axes = graph.constant([1], "int64")
        return graph.op("ReduceSum", [products, axes], [products.shape[0], 1, *products.sides], keepdims=1)

    def within(x: Map, limits: tuple[float, float]) -> Map:
        slope = 1.0 / (limits[1] - limits[0])
        return clipped(graph.add(graph.multiply(x, slope), -limits[0] * slope))

    def clipped(x: Map) -> Map:
        return graph.op("Clip", [x, graph.constant(0.0), graph.constant(1.0)], x.shape)

    fits = likeness(flow)
    features = graph.cast(features0, "float32")
    texture = reduced("ReduceMean", graph.each("Abs", graph.subtract(features, mean(features, SURROUNDINGS_TEXTURE))))
    sure = graph.each("Exp", graph.add(graph.multiply(fits, SURROUNDINGS_SHARPNESS), -SURROUNDINGS_SHARPNESS))
    weight = graph.add(graph.multiply(texture, sure), LEAST_WEIGHT)
    weighted = graph.concat([weight, graph.multiply(flow, weight), graph.multiply(graph.multiply(flow, flow), weight)])
    best = mean(fits, SURROUNDINGS_WINDOW)
    for reach in SURROUNDINGS_REACHES:
        total, sums, squares = graph.split(mean(weighted, reach), [1, FLOWS, FLOWS])
        candidate = graph.divide(sums, total)
        variances = graph.subtract(graph.divide(squares, total), graph.multiply(candidate, candidate))
        spread = graph.each("Sqrt", graph.maximum(reduced("ReduceMax", variances), 0.0))
        fits = mean(likeness(candidate), SURROUNDINGS_WINDOW)
        left = graph.add(graph.multiply(best, -SURROUNDINGS_GAIN), SURROUNDINGS_GAIN * SURROUNDINGS_LEFT)
        share = clipped(graph.divide(graph.subtract(fits, best), left))
        step = graph.subtract(candidate, flow)
        away = reduced("ReduceMax", graph.each("Abs", step))
        for x, limits in ((fits, SURROUNDINGS_FIT), (spread, SURROUNDINGS_SPREAD), (away, SURROUNDINGS_AWAY)):
            share = graph.multiply(share, within(x, limits))
        flow = graph.add(flow, graph.multiply(step, share))
        best = graph.maximum(best, fits)
    return graph.concat([flow, rest])
