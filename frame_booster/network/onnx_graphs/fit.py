"""Flow fitted to both frames as operators of ONNX, as `fbnet_2.fit` has and describes it."""

from __future__ import annotations

from frame_booster.network.fbnet_2.sizes import FIT_EVEN, FIT_MOST, FIT_NOISE, FIT_WINDOW
from frame_booster.network.onnx_graphs.brightness import gradients
from frame_booster.network.onnx_graphs.graph import Graph, Map
from frame_booster.network.onnx_graphs.layers import Layers


def fitted(graph: Graph, layers: Layers, luma0: Map, luma1: Map, motion: Map, t: Map) -> Map:
    """Returns a motion (B, 5, h, w) with fitted flows, out of brightness (B, 1, h, w); t is (B, 1, 1, 1)."""
    flow0, flow1, mask = graph.split(motion, [2, 2, motion.channels - 4])
    warped0, warped1 = layers.warped(luma0, flow0), layers.warped(luma1, flow1)
    slopes = gradients(graph, graph.multiply(graph.add(warped0, warped1), 0.5))
    down, right = graph.split(slopes, [1, 1])
    change = graph.subtract(warped1, warped0)
    firsts = graph.concat([down, down, right, down, right, change])
    seconds = graph.concat([down, right, right, change, change, change])
    seen = graph.pooled(graph.concat([graph.multiply(firsts, seconds), slopes, change]), 2, 2)
    side, pads = 2 * FIT_WINDOW + 1, [FIT_WINDOW] * 4
    seen = graph.op("AveragePool", [seen], seen.shape, kernel_shape=[side, side], pads=pads, count_include_pad=0)
    products, means = graph.split(seen, [6, 3])
    y, x, d = graph.split(means, [1, 1, 1])
    means = graph.multiply(graph.concat([y, y, x, y, x, d]), graph.concat([y, x, x, d, d, d]))
    yy, yx, xx, yd, xd, dd = graph.split(graph.subtract(products, means), [1] * 6)
    noise = graph.add(graph.multiply(dd, FIT_NOISE), FIT_EVEN)
    yy, xx = graph.add(yy, noise), graph.add(xx, noise)
    rows = graph.subtract(graph.multiply(xx, yd), graph.multiply(yx, xd))
    columns = graph.subtract(graph.multiply(yy, xd), graph.multiply(yx, yd))
    size = graph.subtract(graph.multiply(yy, xx), graph.multiply(yx, yx))
    step = graph.divide(graph.concat([rows, columns]), size)
    square = graph.multiply(step, step)
    length = graph.each("Sqrt", graph.add(graph.slice(square, 0, 1), graph.slice(square, 1, 2)))
    step = graph.divide(graph.multiply(step, FIT_MOST), graph.maximum(length, FIT_MOST))
    step = layers.doubled(step)
    earlier = graph.multiply(step, t)
    flow0, flow1 = graph.subtract(flow0, earlier), graph.add(flow1, graph.subtract(step, earlier))
    return graph.concat([flow0, flow1, mask])
