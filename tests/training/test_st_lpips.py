"""ST-LPIPS: what the authors' own code gives, with weights drawn by a formula and, where they are, with its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.errors import InputError, ModelError
from frame_booster.network.compiling import plain_operations, training_graph
from frame_booster.training.perceptual import weights as weights_files
from frame_booster.training.perceptual.backbones import Backbone, Blur, Pooling, smallest_side, weight_shapes
from frame_booster.training.perceptual.st_lpips import StLpips, difference, load_st_lpips
from tests.golden_st_lpips import FILE
from tests.training.st_lpips_formula import SIZES, drawn, drawn_pictures, drawn_weights

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))
BACKBONES = get_args(Backbone)


@pytest.fixture(scope="module", params=BACKBONES)
def drawn_network(request: pytest.FixtureRequest) -> StLpips:
    return StLpips(request.param, drawn_weights(weight_shapes(request.param)))


def check(metric: StLpips, kind: str) -> None:
    """Compares with what the authors' code gave; one size as plain operations, which saves the test compiling."""
    for name, size in SIZES.items():
        first, second = drawn_pictures(size)
        with plain_operations() if name == "odd" else nullcontext():
            check_pictures(metric, first, second, GOLDEN[metric.backbone][kind][name])


def check_pictures(metric: StLpips, first: np.ndarray, second: np.ndarray, golden: list[list[float]]) -> None:
    total, *stages = golden
    by_stage = metric.by_stage(first, second)
    np.testing.assert_allclose(by_stage[1:], stages, rtol=1e-4)
    np.testing.assert_allclose(np.sum(by_stage, 0), total, rtol=1e-4)


def test_it_is_the_authors_own_with_drawn_weights(drawn_network: StLpips) -> None:
    check(drawn_network, "drawn")


@pytest.mark.parametrize("backbone", BACKBONES)
def test_it_is_the_authors_own_with_their_weights(backbone: Backbone) -> None:
    if not weights_files.st_lpips_is_available(backbone):
        pytest.skip(f"the weights of ST-LPIPS are not here ({weights_files.HINT})")
    check(load_st_lpips(backbone), "published")


def test_it_is_differentiable_in_both_pictures() -> None:
    """Its slopes are those that differences show, and finite where features are zero and where pictures are equal."""
    network = StLpips("alexnet", drawn_weights(weight_shapes("alexnet")))
    pictures = [tf.constant(batch[1:]) for batch in drawn_pictures((32, 32))]
    with plain_operations():
        graph = tf.function(network, autograph=False)
        distance, slopes = slopes_of(graph, pictures)
        assert distance.dtype == tf.float32
        assert distance.shape == (1,)
        for side, slope in enumerate(slopes):
            step = 2e-3 * slope / np.abs(slope).max()
            ends = []
            for sign in (-1, 1):
                moved = list(pictures)
                moved[side] = moved[side] + sign * step
                ends.append(float(graph(*moved)[0]))
            assert ends[1] - ends[0] == pytest.approx(2 * float((slope * step).sum()), rel=0.05)
        black = tf.zeros([1, 32, 32, 3])
        for first, second in ((black, black), (black, pictures[0]), (pictures[0], pictures[0])):
            distance, slopes = slopes_of(graph, [first, second])
            assert all(np.isfinite(slope).all() for slope in slopes)
            assert (float(distance[0]) == 0.0) == (first is second)


def slopes_of(graph: Callable[..., Any], values: list[Any]) -> tuple[Any, list[np.ndarray]]:
    with tf.GradientTape() as tape:
        tape.watch(values)
        result = graph(*values)
    return result, [np.asarray(slope) for slope in tape.gradient(result, values)]


def test_the_compiled_comparison_has_the_slopes_of_plain_operations() -> None:
    first, second = (tf.constant(drawn((2, 3, 4, 5), seed) - 0.5) for seed in (1, 2))
    weights = tf.constant(drawn((5,), 3))
    compiled = slopes_of(difference, [first, second, weights])
    with plain_operations():
        plain = slopes_of(difference, [first, second, weights])
    np.testing.assert_allclose(compiled[0], plain[0], rtol=1e-5, atol=1e-6)
    for one, other in zip(compiled[1], plain[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", [Pooling(2), Pooling(3), Blur()], ids=repr)
def test_a_step_that_xla_compiles_whole_has_the_same_layers_of_slices(layer: Pooling | Blur) -> None:
    """In values, slopes and size, of sides that are even and odd."""
    x = tf.constant(drawn((2, 7, 8, 3), 1) - 0.5)
    weights = tf.constant(drawn((2, layer.left(7), layer.left(8), 3), 2))

    def weighed(x: Any) -> Any:
        return weights * layer.apply(x)

    plain = slopes_of(tf.function(weighed, autograph=False), [x])
    with training_graph(inlined=True):
        graph = tf.function(weighed, autograph=False).get_concrete_function(tf.TensorSpec(x.shape))
        sliced = slopes_of(tf.function(weighed, autograph=False, jit_compile=True), [x])
    assert not {"MaxPool", "DepthwiseConv2dNative"} & {operation.type for operation in graph.graph.get_operations()}
    np.testing.assert_allclose(sliced[0], plain[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sliced[1][0], plain[1][0], rtol=1e-5, atol=1e-6)


def test_features_that_are_all_zero_have_finite_slopes() -> None:
    weights = drawn_weights(weight_shapes("alexnet"))
    weights["convolution4.bias"] -= 100.0
    first, second = (tf.constant(batch) for batch in drawn_pictures(SIZES["even"]))
    metric = StLpips("alexnet", weights)
    with plain_operations(), tf.GradientTape() as tape:
        tape.watch(first)
        stages = metric.by_stage(first, second)
    assert not stages[4].numpy().any()
    assert np.isfinite(tape.gradient(stages, first)).all()


def test_bfloat16_is_near_and_sums_are_float32() -> None:
    weights = drawn_weights(weight_shapes("alexnet"))
    first, second = drawn_pictures(SIZES["even"])
    with plain_operations():
        exact, near = (StLpips("alexnet", weights, precision)(first, second) for precision in ("float32", "bfloat16"))
    assert near.dtype == tf.float32
    np.testing.assert_allclose(near, exact, rtol=0.05)
    assert (near.numpy() != exact.numpy()).all()


def test_one_picture_is_compared_with_all_of_a_batch(drawn_network: StLpips) -> None:
    first, second = drawn_pictures(SIZES["odd"])
    with plain_operations():
        one_by_one = [float(drawn_network(first[k : k + 1], second[:1])[0]) for k in range(2)]
        np.testing.assert_allclose(drawn_network(first, second[:1]), one_by_one, rtol=1e-5)


def test_pictures_that_are_too_small_or_of_another_form_are_refused(drawn_network: StLpips) -> None:
    least = smallest_side(drawn_network.backbone)
    with plain_operations():
        assert np.isfinite(drawn_network(np.zeros((1, least, least, 3)), np.ones((1, least, least, 3)))).all()
    for shape in ((1, least - 1, least, 3), (1, 64, 64, 1), (64, 64, 3)):
        with pytest.raises(InputError, match=f"at least {least} px"):
            drawn_network(np.zeros(shape), np.zeros(shape))
    with pytest.raises(InputError, match="precision 'float16' is unknown"):
        StLpips("alexnet", {}, "float16")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="backbone 'alex' is unknown"):
        load_st_lpips("alex")  # type: ignore[arg-type]


def test_weights_are_kept_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the package to the cache, then from there alone; what is no use is refused by name."""
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path / "cache"))
    made = drawn_weights(weight_shapes("alexnet"))
    package = tmp_path / "package.pth"
    package.write_bytes(b"stands for the file of the package")
    monkeypatch.setattr(weights_files, "_installed", lambda backbone: package)
    with pytest.raises(ModelError, match="SHA-256") as refused:
        weights_files.read_weights("alexnet")
    assert refused.value.path == package
    monkeypatch.setattr(weights_files, "_of_checkpoint", lambda path, backbone: made)
    weights_files.read_weights("alexnet")
    kept = weights_files.cached_file("alexnet")
    assert [path for path in kept.parent.iterdir()] == [kept]

    def none(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.undo()
    monkeypatch.setattr(weights_files, "distribution", none)
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path / "cache"))
    assert weights_files.st_lpips_is_available()
    again = weights_files.read_weights("alexnet")
    assert again.keys() == made.keys()
    assert all((again[name] == array).all() for name, array in made.items())
    kept.write_bytes(b"broken")
    with pytest.raises(ModelError, match="delete it"):
        weights_files.read_weights("alexnet")
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path / "nothing"))
    assert not weights_files.st_lpips_is_available()
    with pytest.raises(ModelError, match=r"not installed.*pip install \"frame-booster\[perceptual\]\""):
        load_st_lpips("vgg16")


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(blocked / "cache"))
    monkeypatch.setattr(weights_files, "_installed", lambda backbone: blocked)
    monkeypatch.setattr(weights_files, "_of_checkpoint", lambda path, backbone: {"name": np.zeros(1, np.float32)})
    assert weights_files.read_weights("alexnet").keys() == {"name"}


def test_weights_are_those_of_another_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path))
    other = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes("alexnet").items()}
    other["comparison0"] = np.zeros(3, np.float32)
    weights_files.save_file(other, str(weights_files.cached_file("alexnet")))
    with pytest.raises(ModelError, match="comparison0: missing"):
        load_st_lpips("alexnet")
