"""Planes to the network's RGB and back, as part of an ONNX graph: the numbers of `engine.colour`, channels first.

The conversion between YCbCr and RGB is linear, and averaging is, too: both are done in the order that touches the
fewest pixels. Chroma is averaged from RGB before it is converted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from frame_booster.engine.code_values import GAMMA, code_scales, padded
from frame_booster.network.onnx_graphs.graph import Array, Graph, Map
from frame_booster.pixels import LUMA_WEIGHTS, PixelLayout


def _to_rgb(layout: PixelLayout) -> tuple[Array, Array]:
    """Returns matrix (3, 3) and offset (3,) from code values Y, Cb, Cr, or G, B, R, to R, G, B (H.273, 8.3)."""
    offset, span, chroma_offset, chroma_span = code_scales(layout)
    if layout.kind == "rgb":
        matrix, scales, offsets = np.eye(3)[[2, 0, 1]], np.full(3, span), np.full(3, offset)
    else:
        kr, kb = LUMA_WEIGHTS[layout.matrix]
        kg = 1.0 - kr - kb
        red, blue = 2.0 * (1.0 - kr), 2.0 * (1.0 - kb)
        matrix = np.array([[1.0, 0.0, red], [1.0, -kb * blue / kg, -kr * red / kg], [1.0, blue, 0.0]])
        scales = np.array([span, chroma_span, chroma_span])
        offsets = np.array([offset, chroma_offset, chroma_offset])
    matrix = matrix / scales
    return matrix, -matrix @ offsets


def _mixed(graph: Graph, parts: Sequence[Map], matrix: Array, offset: Array | None = None) -> Map:
    """Returns `matrix @ parts + offset` for each pixel, by a convolution of 1x1 px."""
    return graph.convolution(graph.concat(parts), matrix[:, :, None, None], offset)


def planes_to_rgb(
    graph: Graph, planes: Sequence[Map], layout: PixelLayout, multiple: int, log2_downscale: int = 0
) -> Map:
    """Converts planes to RGB, as `engine.colour.planes_to_rgb`.

    Args:
      graph: that the conversion is added to.
      planes: (B, h, w) code values, as `PixelLayout.plane_shapes`; alpha is ignored.
      layout: of the planes.
      multiple: height and width of what is returned are padded to multiples of this, px.
      log2_downscale: the picture is downscaled by 2 to the power of this, by area averaging.

    Returns:
      (B, 3, H, W) float32, nominally in [0, 1].
    """
    height, width = (padded(side, multiple << log2_downscale) for side in (layout.height, layout.width))
    colours = [_plane(graph, plane) for plane in planes[: 1 if layout.kind == "gray" else 3]]
    if layout.floating:
        colours = [_perceived(graph, colour) for colour in colours]
    block = 1 << log2_downscale
    if layout.kind != "yuv":
        colours = [graph.pooled(graph.edge_padded(c, height, width), block, block) for c in colours]
        if layout.kind == "gray":
            offset, span, _, _ = code_scales(layout)
            first = graph.divide(graph.subtract(colours[0], offset), span)
            return graph.concat([first, first, first])
        return _mixed(graph, colours, *_to_rgb(layout))
    down, across = 1 << layout.log2_chroma_height, 1 << layout.log2_chroma_width
    luma = graph.pooled(graph.edge_padded(colours[0], height, width), block, block)
    chroma = graph.concat(colours[1:])
    chroma = graph.edge_padded(chroma, height // down, width // across)
    chroma = graph.pooled(chroma, max(block // down, 1), max(block // across, 1))
    matrix, black = _to_rgb(layout)
    # What chroma adds to red, green and blue is worked out before it is repeated, and luma, the same for all three,
    # added after that.
    added = _mixed(graph, [chroma], matrix[:, 1:], black)
    added = graph.repeated(added, max(down // block, 1), max(across // block, 1))
    return graph.add(added, graph.multiply(luma, matrix[0, 0]))


def rgb_to_planes(graph: Graph, rgb: Map, layout: PixelLayout) -> list[Map]:
    """Converts RGB (B, 3, H, W) back to planes (B, h, w), as `engine.colour.rgb_to_planes`."""
    if layout.kind == "rgb":
        order = graph.constant([1, 2, 0], "int64")
        codes = _codes(graph, graph.take(rgb, order, 1), layout, chroma=False)
        return _planes(graph, codes, layout, layout.plane_shapes[0])
    luma, chroma = _from_rgb(layout)
    planes = _planes(
        graph, _codes(graph, _mixed(graph, [rgb], luma), layout, chroma=False), layout, layout.plane_shapes[0]
    )
    if layout.kind == "yuv":
        averaged = graph.pooled(rgb, 1 << layout.log2_chroma_height, 1 << layout.log2_chroma_width)
        codes = _codes(graph, _mixed(graph, [averaged], chroma), layout, chroma=True)
        planes += _planes(graph, codes, layout, layout.plane_shapes[1])
    return planes


def phases_to_planes(graph: Graph, phases: Map, layout: PixelLayout) -> list[Map]:
    """Converts RGB as `FBNet2Graph.fuse` returns it, (B, 12, H/2, W/2), to planes (B, h, w).

    Chroma of 4:2:0 is the mean of the four phases, so that only luma is ever brought together at full size.
    """
    if layout.kind != "yuv" or (layout.log2_chroma_height, layout.log2_chroma_width) != (1, 1):
        return rgb_to_planes(graph, graph.merged_phases(phases), layout)
    luma, chroma = _from_rgb(layout)
    codes = _codes(graph, _mixed(graph, [phases], np.kron(luma, np.eye(4))), layout, chroma=False)
    planes = _planes(graph, graph.merged_phases(codes), layout, layout.plane_shapes[0])
    codes = _codes(graph, _mixed(graph, [phases], np.kron(chroma, np.full((1, 4), 0.25))), layout, chroma=True)
    return planes + _planes(graph, codes, layout, layout.plane_shapes[1])


def _from_rgb(layout: PixelLayout) -> tuple[Array, Array]:
    """Returns the matrices (1, 3) to luma and (2, 3) to chroma, of R, G, B."""
    kr, kb = LUMA_WEIGHTS[layout.matrix]
    luma = np.array([[kr, 1.0 - kr - kb, kb]])
    differences = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]) - luma
    return luma, differences / np.array([[2.0 * (1.0 - kb)], [2.0 * (1.0 - kr)]])


def _plane(graph: Graph, plane: Map) -> Map:
    batch, height, width = plane.shape
    return graph.cast(graph.reshape(plane, [batch, 1, height, width]), "float32")


def _codes(graph: Graph, colours: Map, layout: PixelLayout, *, chroma: bool) -> Map:
    """Returns the code values of colours, rounded and kept within their range, still as float32."""
    luma_offset, luma_span, chroma_offset, chroma_span = code_scales(layout)
    offset, span = (chroma_offset, chroma_span) if chroma else (luma_offset, luma_span)
    if layout.floating:
        return _light(graph, colours)
    scaled = graph.multiply(colours, span)
    if offset:
        scaled = graph.add(scaled, offset)
    bounds = [graph.constant(0.0), graph.constant(float((1 << layout.depth) - 1))]
    return graph.op("Clip", [graph.each("Round", scaled), *bounds], scaled.shape)


def _planes(graph: Graph, codes: Map, layout: PixelLayout, sides: tuple[int, int]) -> list[Map]:
    """Cuts codes (B, n, H, W) to a plane's sides, and into n planes (B, h, w) of the layout's dtype."""
    cropped = graph.cast(graph.cropped(codes, *sides), np.dtype(layout.dtype).name)
    return [graph.reshape(graph.slice(cropped, k, k + 1), [codes.shape[0], *sides]) for k in range(codes.channels)]


def _perceived(graph: Graph, light: Map) -> Map:
    # Renderers write NaN and infinity, which convolutions would spread over the frame.
    broken = graph.op("Or", [graph.each("IsNaN", light, "bool"), graph.each("IsInf", light, "bool")], light.shape)
    light = graph.op("Where", [broken, graph.constant(0.0), light], light.shape, "float32")
    return _powered(graph, light, 1.0 / GAMMA)


def _light(graph: Graph, perceived: Map) -> Map:
    return _powered(graph, perceived, GAMMA)


def _powered(graph: Graph, x: Map, exponent: float) -> Map:
    power = graph.op("Pow", [graph.each("Abs", x), graph.constant(exponent)], x.shape)
    return graph.multiply(graph.each("Sign", x), power)
