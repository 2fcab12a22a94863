"""FBNet-2: equal to its reference in PyTorch stage by stage, and its weights convert both ways without rounding."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.model import Model
from frame_booster.errors import ModelError
from frame_booster.network.compiling import plain_operations, training_graph
from frame_booster.network.fbnet_2.conversion import convert_file, from_reference, layers, to_reference
from frame_booster.network.fbnet_2.correlation import correlation_within
from frame_booster.network.fbnet_2.network import FBNet2
from frame_booster.network.fbnet_2.sizes import coarser_scales
from frame_booster.network.layers import count_weights, named_weights
from frame_booster.network.weights import load_weights, read_metadata
from frame_booster.pixels import PixelLayout
from frame_booster.training.evaluation.inspect import stage_costs
from tests.conftest import picture

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "fbnet-2.golden.npz"
"""What the reference makes of a pair (128 x 192 px) with the weights of `reference_weights`. Arrays CASE/NAME, channels
first: flows (x, y) to each frame in px of their level, masks (logits, the last one in (0, 1)), frames in [0, 1]."""
CASES = {"middle": (0.5, 1, 0), "third": (0.3, 0, 0), "halved": (0.5, 1, 1)}
"""By name: time, scales coarser than 1/16, flow downscale."""


@lru_cache(maxsize=1)
def reference_weights() -> dict[str, np.ndarray]:
    """The weights that the golden arrays were computed with: drawn from one seed, in the order of their names."""
    shapes = {name: x.shape for name, x in to_reference({n: v.numpy() for n, v in named_weights(FBNet2())}).items()}
    rng, drawn = np.random.default_rng(7), {}
    for name in sorted(shapes):
        x = rng.standard_normal(shapes[name]).astype(np.float32)
        if x.ndim == 4:
            small = 0.1 if ".out." in name or name.endswith(".b.weight") else 1
            x *= np.float32(np.sqrt(2 / np.prod(x.shape[1:])) * small)
        elif name.endswith("bias"):
            x *= np.float32(0.02)
        else:
            x = np.float32(0.2) + np.float32(0.05) * x
        drawn[name] = x
    return drawn


@lru_cache(maxsize=1)
def network() -> FBNet2:
    made, tensors = FBNet2(), from_reference(reference_weights())
    for name, variable in named_weights(made):
        variable.assign(tensors[name])
    return made


def golden(name: str) -> np.ndarray:
    """An array of the reference with channels last; a flow in the convention of this program."""
    x: np.ndarray = np.transpose(np.load(GOLDEN)[name], (0, 2, 3, 1))
    return -x[..., [1, 0, 3, 2]] if x.shape[-1] == 4 else x


def frames(height: int, width: int, step: float = 1.0) -> tuple[tf.Tensor, tf.Tensor]:
    return tuple(tf.constant(picture(k, width, height)[None], tf.float32) for k in (0.0, step))  # type: ignore[return-value]


@pytest.mark.parametrize("case", CASES)
def test_every_stage_is_as_the_reference_has_it(case: str) -> None:
    time, coarser, flow_downscale = CASES[case]
    frame0, frame1, t = tf.constant(golden("x0")), tf.constant(golden("x1")), tf.constant([time])
    encoded0, encoded1 = (network().encode(frame, flow_downscale, coarser=coarser) for frame in (frame0, frame1))
    estimates = network().estimate(encoded0, encoded1, t)
    assert len(estimates) == 4 + coarser
    for k, known in enumerate(estimates):
        np.testing.assert_allclose(known.flow, golden(f"{case}/flow{k}"), atol=1e-3, err_msg=f"flow {k}")
        np.testing.assert_allclose(known.mask, golden(f"{case}/mask{k}"), atol=1e-4, err_msg=f"mask {k}")
    # As it is trained: what no weights make is added when it runs.
    with training_graph():
        rgb, full = network().fuse(frame0, frame1, estimates[-1], t)
    np.testing.assert_allclose(full[..., :4], golden(f"{case}/flow"), atol=1e-3)
    np.testing.assert_allclose(tf.sigmoid(full[..., 4:]), golden(f"{case}/mask"), atol=1e-4)
    np.testing.assert_allclose(rgb, golden(f"{case}/frame"), atol=1e-4)
    assert float(np.abs(rgb - (frame0 + frame1) / 2.0).mean()) > 0.01, "the weights make more than a blend"


def test_a_call_is_those_stages() -> None:
    """128 x 192 px need no scale beyond 1/16, as the case `third` has it."""
    with training_graph():
        made = network()(tf.constant(golden("x0")), tf.constant(golden("x1")), tf.constant([0.3]))
    np.testing.assert_allclose(made.unclipped, golden("third/frame"), atol=1e-4)
    for side in (0, 1):
        expected = golden("third/flow")[..., 2 * side : 2 * side + 2]
        np.testing.assert_allclose(made.flows[-1][side], expected, atol=1e-3)


def test_the_coarsest_scale_follows_the_size_of_the_frame() -> None:
    assert [coarser_scales(*size) for size in ((192, 192), (144, 256), (256, 144), (400, 400))] == [0, 1, 1, 1]
    assert [coarser_scales(*size) for size in ((256, 448), (1088, 1920), (None, 64))] == [2, 2, 1]


@pytest.mark.parametrize(("height", "width", "scales"), [(32, 272, 1), (144, 304, 1), (48, 1296, 2)])
def test_scales_beyond_the_pyramid_are_those_of_the_smaller_frame(height: int, width: int, scales: int) -> None:
    """Of sizes that they do not divide, too: last row and column are repeated up to the next that they do."""
    first, second = frames(height, width)
    features = network().encode(first).features
    smaller = first.numpy()
    assert len(features) == 3 + scales
    for made in features[3:]:
        rows, columns = smaller.shape[1] // 2, smaller.shape[2] // 2
        smaller = smaller.reshape(1, rows, 2, columns, 2, 3).mean((2, 4))
        more = [max(-(-side // 16), 2) * 16 - side for side in (rows, columns)]
        smaller = np.pad(smaller, [(0, 0), (0, more[0]), (0, more[1]), (0, 0)], "edge")
        expected = network().encode(tf.constant(smaller), coarser=0).features[2]
        np.testing.assert_allclose(made, expected, atol=1e-5)
    prediction = network()(first, second)
    sizes = [tuple(flow.shape[1:3]) for flow, _ in prediction.flows]
    assert sizes[scales:] == [*[(height // k, width // k) for k in (16, 16, 8, 4)], (height, width)]
    assert sizes[:scales] == [tuple(made.shape[1:3]) for made in reversed(features[3:])]


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("reach", [1, 2])
def test_correlation_is_a_cosine_at_opposite_displacements(reach: int, plain: bool) -> None:
    rng = np.random.default_rng(5)
    first, second = (rng.normal(size=(2, 5, 7, 6)).astype(np.float32) for _ in range(2))
    with plain_operations() if plain else nullcontext():
        made = correlation_within(reach)(tf.constant(first), tf.constant(second)).numpy()
    unit = [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (first, second)]
    side = 2 * reach + 1
    expected = np.zeros((2, 5, 7, side * side), np.float32)
    for y, x, dy, dx in np.ndindex(5, 7, side, side):
        dy, dx = dy - reach, dx - reach
        inside = all(0 <= a < 5 and 0 <= b < 7 for a, b in ((y + dy, x + dx), (y - dy, x - dx)))
        if inside:
            products = unit[0][:, y + dy, x + dx] * unit[1][:, y - dy, x - dx]
            expected[:, y, x, (dy + reach) * side + dx + reach] = products.sum(-1)
    np.testing.assert_allclose(made, expected, atol=1e-6)


def test_parameters_are_those_of_the_reference() -> None:
    assert count_weights(network()) == sum(x.size for x in reference_weights().values()) == 3_063_636
    assert {name for name, _ in named_weights(network())} == set(from_reference(reference_weights()))


def test_its_costs_are_those_of_its_docstring() -> None:
    costs = {cost.stage: cost.macs_per_pixel for cost in stage_costs("fbnet-2")}
    assert sum(costs.values()) == pytest.approx(36_300, rel=0.005)
    assert costs["fusion"] == 9 * (48 * 24 + 2 * 24 * 24 + 24 * 32) / 4
    assert costs["fusion"] + (sum(costs.values()) - costs["fusion"]) / 4 == pytest.approx(14_250, rel=0.005)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_converted_there_and_back_every_bit_is_as_it_was(dtype: type, tmp_path: Path) -> None:
    tensors = {name: x.astype(dtype) for name, x in reference_weights().items()}
    files = [tmp_path / f"{name}.safetensors" for name in ("reference", "here", "back", "again")]
    facts = {"samples": "7", "teacher": "a teacher"}
    save_file(tensors, str(files[0]), metadata=facts)
    for source, target in pairwise(files):
        convert_file(source, target)
    here, back, again = (load_file(str(file)) for file in files[1:])
    assert {x.dtype for x in here.values()} == {np.dtype(dtype)}
    for expected, made in ((tensors, back), (here, again)):
        assert made.keys() == expected.keys()
        assert [name for name in made if made[name].tobytes() != expected[name].tobytes()] == []
    assert read_metadata(files[2]) == facts
    added = {"format_version": "1", "network": "fbnet-2", "parameters": "3063636"}
    assert read_metadata(files[1]) == read_metadata(files[3]) == facts | added


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs `fbnet`."""
    code = "from frame_booster.cli.fbnet import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=200, cwd=ROOT
    )


def test_a_file_converted_by_the_command_gives_the_output_of_the_reference(tmp_path: Path) -> None:
    save_file(reference_weights(), str(tmp_path / "in.safetensors"))
    done = command("convert", tmp_path / "in.safetensors", tmp_path / "out.safetensors")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'out.safetensors'}: in this program's form\n")
    loaded = FBNet2()
    load_weights(tmp_path / "out.safetensors", loaded)
    with training_graph():
        made = loaded(tf.constant(golden("x0")), tf.constant(golden("x1")), tf.constant([0.3]))
    np.testing.assert_allclose(made.unclipped, golden("third/frame"), atol=1e-4)
    refused = command("convert", tmp_path / "none.safetensors", tmp_path / "other.safetensors")
    assert refused.returncode == ModelError.exit_code
    assert "none.safetensors" in refused.stderr


@pytest.mark.parametrize("damage", ["missing", "unknown", "shape", "other"])
def test_files_of_another_kind_are_not_converted(damage: str, tmp_path: Path) -> None:
    tensors: dict[str, Any] = dict(reference_weights())
    if damage == "missing":
        del tensors["fusion.out.bias"]
    elif damage == "unknown":
        tensors["fusion.extra.bias"] = np.zeros(1, np.float32)
    elif damage == "shape":
        tensors["fusion.out.bias"] = np.zeros(31, np.float32)
    else:
        tensors = {"conv.kernel": np.zeros((3, 3, 1, 1), np.float32)}
    save_file(tensors, str(tmp_path / "in.safetensors"))
    with pytest.raises(ModelError, match=r"in\.safetensors.*does not contain weights of fbnet-2"):
        convert_file(tmp_path / "in.safetensors", tmp_path / "out.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["in.safetensors"]


def test_channels_are_only_permuted() -> None:
    for layer in layers():
        for channels in (layer.inputs, layer.outputs):
            if channels is not None:
                assert sorted(channels[0]) == list(range(len(channels[0]))), layer.name
                assert set(channels[1]) <= {1, -1}, layer.name


@pytest.mark.parametrize("flow_downscale", [0, 1, 2])
def test_encoded_once_is_as_pair_by_pair(flow_downscale: int) -> None:
    """With the frames that the engine downscales, and at a time off the middle."""
    pictures = tf.constant(np.stack([picture(k, 128, 128) for k in range(3)]), tf.float32)
    t, downscaled = tf.constant([0.3, 0.6]), tf.nn.avg_pool2d(pictures, 2**flow_downscale, 2**flow_downscale, "VALID")
    first, second = tf.constant([0, 1]), tf.constant([1, 2])
    streamed = network().between(pictures, first, second, t, flow_downscale, downscaled).unclipped
    for k in range(2):
        pair = network()(pictures[k : k + 1], pictures[k + 1 : k + 2], t[k : k + 1], flow_downscale=flow_downscale)
        np.testing.assert_allclose(streamed[k], pair.unclipped[0], atol=1e-4)


@pytest.mark.parametrize("flow_downscale", [0, 1])
def test_rows_of_a_strip_are_those_of_the_frame(flow_downscale: int) -> None:
    """But for those next to its edges, as far as convolutions and the motion (here some 10 px) reach."""
    first, second = (tf.constant(picture(k, 128, 256)[None], tf.float32) for k in (0.0, 2.0))
    t = tf.constant([0.4])
    whole = network()(first, second, t, flow_downscale=flow_downscale).unclipped
    small = [tf.nn.avg_pool2d(x, 2**flow_downscale, 2**flow_downscale, "VALID") for x in (first, second)]
    support, stride = network().strips, 4 << flow_downscale
    maps = support.find(*small, t)
    for found, told in zip(maps, support.maps, strict=True):
        assert (found.shape[-1], found.shape[1] * told.stride, found.dtype.name) == (
            told.channels,
            small[0].shape[1],
            told.dtype,
        )
    top, bottom = 64, 192
    parts = [x[:, top // stride : bottom // stride] for x in maps]
    strip = support.fuse(first[:, top:bottom], second[:, top:bottom], parts, t)
    np.testing.assert_allclose(strip[:, 40:-40], whole[:, top + 40 : bottom - 40], atol=1e-4)


def test_an_untrained_network_blends_by_time() -> None:
    """As training begins; where it runs, even no flow is fitted to the frames."""
    first, second = frames(32, 48)
    with training_graph():
        made = FBNet2()(first, second, tf.constant([0.25])).unclipped
    np.testing.assert_allclose(made, 0.75 * first + 0.25 * second, atol=1e-5)


def test_frames_of_any_size_in_one_graph() -> None:
    """As an export has it: there the coarsest scale is 1/32 whatever the size, and the numbers are those of 1/32."""
    spec = tf.TensorSpec([None, None, None, 3], tf.float32)
    graph = tf.function(lambda a, b: network()(a, b).unclipped, input_signature=[spec, spec], autograph=False)
    first, second = frames(272, 288)
    np.testing.assert_allclose(graph(first, second), network()(first, second).unclipped, atol=1e-4)


@pytest.mark.parametrize("flow_downscale", [0, 1])
def test_the_engine_gives_the_same_frame_in_strips_and_at_once(flow_downscale: int) -> None:
    model, layout = Model("fbnet-2", device="cpu", precision="float32"), PixelLayout(64, 640, "rgb", 16)
    frames = [tuple(np.moveaxis(picture(k, 64, 640) * 60_000, -1, 0).astype(np.uint16)) for k in (0.0, 2.0)]
    whole, strips = (
        BatchInterpolator(model, layout, Plan(1, flow_downscale, count)).make(frames, [Request(0, 1, Fraction(2, 5))])
        for count in (1, 4)
    )
    difference = np.abs(np.stack(whole[0]).astype(int) - np.stack(strips[0]).astype(int))
    assert difference.max() <= 60
    assert np.ptp(np.stack(whole[0]).astype(int)) > 10_000
