"""Planes to RGB and back in ONNX graphs: the numbers of the TensorFlow engine, exact to the code value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.engine import colour as by_tensorflow
from frame_booster.pixels import LUMA_WEIGHTS, PixelLayout, Planes
from tests.engine.test_engine import LAYOUTS, random_planes

pytest.importorskip("onnx", reason="needs the extra `onnx`")
runtime = pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")

from frame_booster.engine.onnx.colour import phases_to_planes, planes_to_rgb, rgb_to_planes  # noqa: E402
from frame_booster.network.onnx_graphs.graph import Graph, Map  # noqa: E402

FLOATING = PixelLayout(31, 17, "rgb", 32)


def planes_in(graph: Graph, layout: PixelLayout) -> list[Map]:
    dtype = np.dtype(layout.dtype).name
    return [graph.input(f"p{k}", [1, *shape], dtype) for k, shape in enumerate(layout.plane_shapes)]


def run(graph: Graph, planes: Planes) -> list[np.ndarray]:
    session = runtime.InferenceSession(graph.model(), providers=["CPUExecutionProvider"])
    return session.run(None, {f"p{k}": plane[None] for k, plane in enumerate(planes)})


def in_phases(graph: Graph, rgb: Map) -> Map:
    """Colour by colour, the four pixels of each 2x2 one after the other."""
    batch, _, height, width = rgb.shape
    blocks = graph.reshape(rgb, [batch, 3, height // 2, 2, width // 2, 2])
    return graph.reshape(graph.transpose(blocks, [0, 1, 3, 5, 2, 4]), [batch, 12, height // 2, width // 2])


@pytest.mark.parametrize("phases", [False, True], ids=["pixels", "phases"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_code_survives_the_round_trip(name: str, phases: bool) -> None:
    layout = LAYOUTS[name]
    planes = random_planes(layout, 1)
    graph = Graph("round trip")
    rgb = planes_to_rgb(graph, planes_in(graph, layout), layout, 16)
    if phases:
        rgb = in_phases(graph, rgb)
    for k, plane in enumerate((phases_to_planes if phases else rgb_to_planes)(graph, rgb, layout)):
        graph.output(plane, f"out{k}")
    for before, after in zip(planes, run(graph, planes), strict=True):
        assert after.dtype == layout.dtype
        assert np.array_equal(before, after[0])


@pytest.mark.parametrize("phases", [False, True], ids=["pixels", "phases"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_chroma_is_the_mean_of_its_pixels_whatever_makes_it(name: str, phases: bool) -> None:
    """A round trip would not tell: chroma that was repeated is the same in each of its pixels."""
    layout = LAYOUTS[name]
    rgb = np.random.default_rng(4).uniform(0.0, 1.0, (1, 32, 32, 3)).astype(np.float32)
    graph = Graph("planes")
    given = graph.input("p0", [3, 32, 32])
    made = graph.reshape(given, [1, 3, 32, 32])
    if phases:
        made = in_phases(graph, made)
    for k, plane in enumerate((phases_to_planes if phases else rgb_to_planes)(graph, made, layout)):
        graph.output(plane, f"out{k}")
    session = runtime.InferenceSession(graph.model(), providers=["CPUExecutionProvider"])
    planes = session.run(None, {"p0": rgb[0].transpose(2, 0, 1)})
    exact = exact_planes(rgb[0].astype(np.float64), layout)
    expected = [plane.numpy() for plane in by_tensorflow.rgb_to_planes(tf.constant(rgb), layout)]
    for plane, by_tf, by_hand in zip(planes, expected, exact, strict=True):
        for one in (plane, by_tf):
            assert np.abs(one[0] - by_hand).max() <= 0.5 + 1e-3 * layout.top / 255


def exact_planes(rgb: np.ndarray, layout: PixelLayout) -> list[np.ndarray]:
    """Code values of a picture (H, W, 3), not rounded, from the definitions in ITU-T H.273."""
    unit = layout.top if layout.kind == "rgb" or layout.full_range else 0.0
    step = 1 << (layout.depth - 8)
    if layout.kind == "rgb":
        return [unit * rgb[: layout.height, : layout.width, k] for k in (1, 2, 0)]
    kr, kb = LUMA_WEIGHTS[layout.matrix]
    luma = kr * rgb[..., 0] + (1.0 - kr - kb) * rgb[..., 1] + kb * rgb[..., 2]
    planes = [(luma * unit if unit else step * (16.0 + 219.0 * luma))[: layout.height, : layout.width]]
    if layout.kind == "gray":
        return planes
    down, across = 1 << layout.log2_chroma_height, 1 << layout.log2_chroma_width
    for colour, weight in ((rgb[..., 2], kb), (rgb[..., 0], kr)):
        chroma = ((colour - luma) / (2.0 * (1.0 - weight))).reshape(32 // down, down, 32 // across, across).mean((1, 3))
        codes = 128.0 * step + chroma * (unit or 224.0 * step)
        planes.append(codes[: layout.plane_shapes[1][0], : layout.plane_shapes[1][1]])
    return planes


@pytest.mark.parametrize("downscale", [0, 1, 2])
@pytest.mark.parametrize("name", [*LAYOUTS, "floating", *LUMA_WEIGHTS])
def test_colours_are_those_of_the_tensorflow_engine(name: str, downscale: int) -> None:
    layout = LAYOUTS.get(name, FLOATING if name == "floating" else replace(LAYOUTS["422 10"], matrix=name))
    if layout.floating:
        rng = np.random.default_rng(3)
        planes: Planes = tuple(rng.normal(0.5, 2.0, s).astype(np.float32) for s in layout.plane_shapes)
        planes[0][0, :3] = np.nan, np.inf, -np.inf
    else:
        planes = random_planes(layout, 2)
    graph = Graph("colour")
    graph.output(planes_to_rgb(graph, planes_in(graph, layout), layout, 16, downscale), "rgb")
    expected = by_tensorflow.planes_to_rgb([tf.constant(p[None]) for p in planes], layout, 16, downscale)
    [made] = run(graph, planes)
    np.testing.assert_allclose(made.transpose(0, 2, 3, 1), expected, atol=2e-6, rtol=2e-6)


def test_light_comes_back_from_what_is_perceived() -> None:
    planes: Planes = tuple(np.linspace(-1, 8, 31 * 17, dtype=np.float32).reshape(17, 31) * k for k in (1, 2, 3))
    graph = Graph("light")
    for k, plane in enumerate(
        rgb_to_planes(graph, planes_to_rgb(graph, planes_in(graph, FLOATING), FLOATING, 16), FLOATING)
    ):
        graph.output(plane, f"out{k}")
    for before, after in zip(planes, run(graph, planes), strict=True):
        np.testing.assert_allclose(after[0], before, rtol=1e-5, atol=1e-6)
