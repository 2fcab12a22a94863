"""Networks as ONNX graphs: the same numbers as the TensorFlow networks that they are built from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.engine.weights import shipped_weights
from frame_booster.errors import ModelError
from frame_booster.network.fbnet.feature_pyramid import CHANNELS as FBNET_CHANNELS
from frame_booster.network.fbnet_2.correlation import EPSILON
from frame_booster.network.layers import named_weights
from frame_booster.network.presets import PRESETS, create_network
from frame_booster.network.weights import load_weights
from tests.conftest import picture
from tests.golden import expected_frame
from tests.network.test_network import fill
from tests.network.test_propagation import frames

pytest.importorskip("onnx", reason="needs the extra `onnx`")
runtime = pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")

from frame_booster.network.onnx_graphs import correlation, fbnet  # noqa: E402
from frame_booster.network.onnx_graphs.graph import Graph  # noqa: E402
from frame_booster.network.onnx_graphs.interface import NetworkGraph  # noqa: E402
from frame_booster.network.onnx_graphs.networks import GRAPHS, graph_of  # noqa: E402


def weights_of(network: Any) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in named_weights(network)}


def run_graph(
    name: str,
    weights: dict[str, np.ndarray],
    frames: list[np.ndarray],
    t: float = 0.5,
    *,
    precision: str = "float32",
    downscale: int = 0,
) -> np.ndarray:
    """The interpolated frame of two (B, H, W, 3), not clipped."""
    batch, height, width, _ = frames[0].shape
    graph = Graph(name)
    network = GRAPHS[name](graph, weights, precision)
    inputs = [graph.input(which, [batch, 3, height, width]) for which in ("first", "second")]
    smaller = [graph.pooled(frame, 1 << downscale, 1 << downscale) for frame in inputs]
    made = network.decode(*map(network.encode, inputs, smaller), graph.input("t", [batch]))
    if made.channels == 12:
        made = graph.op("DepthToSpace", [made], inputs[0].shape, blocksize=2, mode="CRD")
    graph.output(made, "made")
    session = runtime.InferenceSession(graph.model(), providers=["CPUExecutionProvider"])
    first, second = (np.ascontiguousarray(frame.transpose(0, 3, 1, 2)) for frame in frames)
    [made] = session.run(None, {"first": first, "second": second, "t": np.full(batch, t, np.float32)})
    return made.transpose(0, 2, 3, 1)


def scenes(height: int, width: int, batch: int = 1, step: float = 2.0) -> list[np.ndarray]:
    return [
        np.stack([picture(3.0 * k + at, width, height) for k in range(batch)]).astype(np.float32) for at in (0.0, step)
    ]


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_gives_the_golden_frame(name: str) -> None:
    weights = weights_of(fill(create_network(name), 0.5))
    frame = run_graph(name, weights, scenes(32, 48)).clip(0.0, 1.0)
    np.testing.assert_allclose(frame, expected_frame(name), atol=2e-5)


@pytest.mark.parametrize(
    ("name", "sides", "batch", "t"),
    # Beyond 256 px, FBNet-2 begins at 1/32, where 80 rows are padded; beyond 512 px it looks at surroundings.
    [
        ("fbnet-2", (80, 272), 1, 0.5),
        ("fbnet-2", (64, 544), 1, 0.5),
        ("fbnet-2", (32, 64), 2, 0.25),
        ("fbnet", (48, 64), 2, 0.5),
    ],
)
def test_a_graph_gives_the_frame_of_the_network(name: str, sides: tuple[int, int], batch: int, t: float) -> None:
    network = fill(create_network(name), 0.7)
    frames = scenes(*sides, batch)
    expected = network(*map(tf.constant, frames), tf.fill([batch], t)).unclipped
    made = run_graph(name, weights_of(network), frames, t)
    np.testing.assert_allclose(made, expected, atol=5e-5)
    assert np.abs(made - (frames[0] + frames[1]) / 2).max() > 0.01, "more than a blend"


@pytest.mark.parametrize(("height", "width", "coarsest"), [(32, 272, (2, 9)), (272, 32, (9, 2)), (32, 1312, (2, 21))])
def test_the_coarsest_scale_has_two_pixels_at_least(height: int, width: int, coarsest: tuple[int, int]) -> None:
    """One alone cannot be warped: its place is divided by the pixels beside it."""
    graph, network = Graph("features"), GRAPHS["fbnet-2"]
    weights = {name: np.zeros(shape, np.float32) for name, shape in network.weight_shapes().items()}
    features = network(graph, weights).encode(*[graph.input("frame", [1, 3, height, width])] * 2)[1:]
    assert features[-1].sides == coarsest
    expected = create_network("fbnet-2").encode(tf.zeros([1, height, width, 3])).features
    assert [x.sides for x in features] == [tuple(x.shape[1:3]) for x in expected]


@pytest.mark.parametrize("downscale", [1, 2])
def test_a_graph_gives_the_frame_of_the_network_with_flow_of_smaller_frames(downscale: int) -> None:
    network = create_network("fbnet-2")
    load_weights(shipped_weights("fbnet-2"), network)
    pair = frames(6)
    expected = network(*pair, tf.constant([0.25]), flow_downscale=downscale).unclipped
    made = run_graph("fbnet-2", weights_of(network), [frame.numpy() for frame in pair], 0.25, downscale=downscale)
    np.testing.assert_allclose(made, expected, atol=2e-3)


def test_what_stands_still_is_blended_as_by_the_network() -> None:
    network = fill(create_network("fbnet-2"), 0.7)
    first, second = scenes(64, 96)
    second[:, :, 32:64] = first[:, :, 32:64] + 2 / 255
    second[:, :, 64:] = first[:, :, 64:] + 6 / 255
    expected = network(tf.constant(first), tf.constant(second), tf.constant([0.25])).unclipped
    made = run_graph("fbnet-2", weights_of(network), [first, second], 0.25)
    np.testing.assert_allclose(made, expected, atol=5e-5)
    np.testing.assert_allclose(made[:, :, 42:54], first[:, :, 42:54] + 0.5 / 255, atol=1e-6)


@pytest.mark.parametrize("name", GRAPHS)
def test_half_precision_stays_near(name: str) -> None:
    weights = weights_of(fill(create_network(name), 0.5))
    frames = scenes(32, 48)
    full, half = (run_graph(name, weights, frames, precision=precision) for precision in ("float32", "float16"))
    assert 0.0 < np.abs(half - full).max() < 0.01


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_asks_for_the_weights_of_the_network(name: str) -> None:
    network = create_network(name)
    shapes = {key: tuple(variable.shape) for key, variable in named_weights(network)}
    assert GRAPHS[name].weight_shapes() == shapes
    assert GRAPHS[name].multiple == network.multiple
    assert GRAPHS[name].codes_frames == (network.frame_coding is not None)
    strides = None if network.strips is None else network.strips.maps[0].stride
    assert GRAPHS[name].strip_stride == strides


@pytest.mark.parametrize("missing", ["find", "fuse"])
def test_a_network_with_strips_has_both_their_parts(missing: str) -> None:
    of_strips = {"strip_stride": 4, "find": lambda *_: None, "fuse": lambda *_: None}
    del of_strips[missing]
    with pytest.raises(TypeError, match="strip_stride"):
        type("Half", (NetworkGraph,), of_strips)
    type("NoStrips", (NetworkGraph,), {})


def test_numbers_that_graphs_repeat_are_those_of_the_networks() -> None:
    assert fbnet.CHANNELS == FBNET_CHANNELS
    assert correlation.EPSILON == EPSILON


def test_a_network_without_a_graph_is_refused_with_those_that_there_are() -> None:
    assert set(GRAPHS) <= set(PRESETS)
    with pytest.raises(ModelError, match=r"does not support the network 'x'.*use fbnet-2 or fbnet"):
        graph_of("x")
