"""Flow of a place's surroundings: it replaces what was found for a repeated pattern, and leaves all else as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.fbnet_2 import network
from frame_booster.network.fbnet_2.flow import Motion
from frame_booster.network.fbnet_2.sizes import HIDDEN, tries_surroundings
from frame_booster.network.fbnet_2.surroundings import fitting_surroundings

HEIGHT, WIDTH, CHANNELS = 40, 96, 8
PLACE = np.s_[:, 16:22, 40:50]
"""In which flow is wrong."""


def scene(shift: float) -> np.ndarray:
    """Features (1, h, w, C) of a texture of no period, moved right by so many px."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    waves = rng.uniform(0.15, 0.9, (CHANNELS, 6, 2)), rng.uniform(0, 6.0, (CHANNELS, 6))
    x = x - shift
    made = [sum(np.sin(a * y + b * x + c) for (a, b), c in zip(*w, strict=True)) for w in zip(*waves, strict=True)]
    return np.stack(made, -1)[None].astype(np.float32)


def known(step: float) -> np.ndarray:
    """Motion (1, h, w, 5) of a scene that moves by so many px to each side of the middle, with a mask that shows."""
    motion = np.zeros((1, HEIGHT, WIDTH, 5), np.float32)
    motion[..., 1], motion[..., 3], motion[..., 4] = step, -step, 0.25
    return motion


def replaced(motion: np.ndarray, features: tuple[np.ndarray, np.ndarray], dtype: str = "float32") -> Any:
    hidden = np.zeros((1, HEIGHT, WIDTH, HIDDEN), np.float32)
    parts = (tf.cast(x, dtype) for x in features)
    return fitting_surroundings(Motion(tf.constant(motion), tf.constant(hidden)), *parts).motion.numpy()


def moving(step: float) -> tuple[np.ndarray, np.ndarray]:
    return scene(-step), scene(step)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_place_whose_flow_was_lost_moves_as_all_around_it(dtype: str) -> None:
    motion = known(0.7)
    motion[PLACE][..., :4] = 0.0
    made = replaced(motion, moving(0.7), dtype)
    np.testing.assert_allclose(made[PLACE][..., [1, 3]].mean((0, 1, 2)), [0.7, -0.7], atol=0.06)
    assert np.abs(made - known(0.7))[..., :4].max() < 0.25
    np.testing.assert_array_equal(made[..., 4], motion[..., 4])


def test_right_flow_stays() -> None:
    np.testing.assert_allclose(replaced(known(0.7), moving(0.7)), known(0.7), atol=2e-3)


def test_what_moves_by_itself_keeps_its_flow() -> None:
    # Its features do move with it, by 0.7 px against its surroundings.
    motion, features = known(0.0), [x.copy() for x in moving(0.0)]
    motion[PLACE][..., 1], motion[PLACE][..., 3] = 0.7, -0.7
    for mine, its in zip(features, moving(0.7), strict=True):
        mine[PLACE] = its[PLACE]
    np.testing.assert_allclose(replaced(motion, tuple(features))[PLACE], motion[PLACE], atol=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [1.1, 5.0])
def test_flow_that_differs_by_more_than_a_px_is_another_object_s(wrong: float) -> None:
    motion = known(0.7)
    motion[PLACE][..., 1] += wrong
    np.testing.assert_allclose(replaced(motion, moving(0.7))[PLACE], motion[PLACE], atol=0.02)


def test_surroundings_that_do_not_move_as_one_replace_nothing() -> None:
    motion = known(0.7)
    motion[:, ::2, :, 1] += 0.6
    motion[:, 1::2, :, 1] -= 0.6
    np.testing.assert_array_equal(replaced(motion, moving(0.7)), motion)


def test_wider_surroundings_are_no_better_for_being_better_than_near_ones() -> None:
    """Nearby flow is wrong, that farther away less so, and the place's own is right."""
    motion = known(0.1)
    for place, step in ((np.s_[:, 8:30, 32:58], 0.4), (np.s_[:, 15:23, 41:49], 0.0)):
        motion[place][..., 1], motion[place][..., 3] = step, -step
    # Beyond the window in which features are compared.
    inner = np.s_[:, 18:20, 43:47]
    np.testing.assert_allclose(replaced(motion, moving(0.0))[inner], motion[inner], atol=0.02)


@pytest.mark.parametrize(("width", "times"), [(512, 0), (528, 2)])
def test_a_network_tries_them_before_and_after_an_eighth(
    monkeypatch: pytest.MonkeyPatch, width: int, times: int
) -> None:
    seen: list[Any] = []

    def counted(known: Motion, *features: Any) -> Motion:
        seen.append(known.motion.shape[1:3].as_list())
        return known

    monkeypatch.setattr(network, "fitting_surroundings", counted)
    model, frame = network.FBNet2(), tf.TensorSpec([1, 64, 2 * width, 3])
    tf.function(lambda a, b: model(a, b, flow_downscale=1).frame).get_concrete_function(frame, frame)
    assert seen == [[4, width // 8]] * times


@pytest.mark.parametrize(("width", "times"), [(512, 0), (528, 2)])
def test_a_graph_of_onnx_tries_them_on_the_same_frames(monkeypatch: pytest.MonkeyPatch, width: int, times: int) -> None:
    from frame_booster.network.onnx_graphs import fbnet_2
    from frame_booster.network.onnx_graphs.graph import Graph

    seen: list[Any] = []

    def counted(graph: Any, layers: Any, known: Any, *features: Any) -> Any:
        seen.append(known.sides)
        return known

    monkeypatch.setattr(fbnet_2, "fitting_surroundings", counted)
    graph = Graph("surroundings")
    weights = {name: np.zeros(shape, np.float32) for name, shape in fbnet_2.FBNet2Graph.weight_shapes().items()}
    frames = [graph.input(name, [1, 3, 32, width]) for name in ("first", "second")]
    fbnet_2.FBNet2Graph(graph, weights).find(*frames, graph.input("t", [1]))
    assert seen == [(4, width // 8)] * times


def test_surroundings_are_tried_on_large_frames_of_known_size() -> None:
    assert [tries_surroundings(*sides) for sides in ((256, 448), (512, 512), (540, 960), (960, 540))] == [
        False,
        False,
        True,
        True,
    ]
    assert not tries_surroundings(None, None)


def test_a_graph_of_onnx_replaces_the_same() -> None:
    pytest.importorskip("onnx", reason="needs the extra `onnx`")
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")
    from frame_booster.network.onnx_graphs.graph import Graph
    from frame_booster.network.onnx_graphs.layers import Layers
    from frame_booster.network.onnx_graphs.surroundings import fitting_surroundings as in_graph

    motion, features = known(0.7), moving(0.7)
    motion[PLACE][..., :4] = 0.0
    graph = Graph("surroundings")
    inputs = [graph.input(name, [1, CHANNELS, HEIGHT, WIDTH]) for name in ("features0", "features1")]
    whole = graph.input("known", [1, 5, HEIGHT, WIDTH])
    graph.output(in_graph(graph, Layers(graph, {}, "float32"), whole, *inputs), "made")
    session = runtime.InferenceSession(graph.model(), providers=["CPUExecutionProvider"])
    arrays = {"known": motion, "features0": features[0], "features1": features[1]}
    [made] = session.run(None, {k: np.ascontiguousarray(x.transpose(0, 3, 1, 2)) for k, x in arrays.items()})
    np.testing.assert_allclose(made.transpose(0, 2, 3, 1), replaced(motion, features), atol=2e-4)
