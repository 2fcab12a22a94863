"""Pixels to RGB and back, batches, times, the Python API for pictures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.colour import (
    compiled_planes_to_rgb,
    compiled_rgb_to_planes,
    padded,
    planes_to_rgb,
    rgb_to_planes,
)
from frame_booster.engine.device import choose_device
from frame_booster.engine.interpolator import Interpolator, load_model
from frame_booster.engine.maker import Request
from frame_booster.engine.makers.stream import StreamMaker
from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.model import Model
from frame_booster.errors import InputError, ModelError
from frame_booster.pixels import LUMA_WEIGHTS, PixelLayout, Planes
from tests.conftest import picture

LAYOUTS = {
    "420 8 limited 601": PixelLayout(30, 18, "yuv", 8, 1, 1, "bt601"),
    "420 8 full 709": PixelLayout(30, 18, "yuv", 8, 1, 1, "bt709", full_range=True),
    "420 10 limited 2020": PixelLayout(30, 18, "yuv", 10, 1, 1, "bt2020"),
    "420 8 odd size": PixelLayout(31, 17, "yuv", 8, 1, 1, "bt709"),
    "422 10": PixelLayout(31, 17, "yuv", 10, 1, 0, "bt709"),
    "444 12": PixelLayout(31, 17, "yuv", 12, 0, 0, "bt709"),
    "411 8": PixelLayout(31, 17, "yuv", 8, 2, 0, "bt601"),
    "gray 16": PixelLayout(31, 17, "gray", 16),
    "rgb 8": PixelLayout(31, 17, "rgb", 8),
    "rgb 16": PixelLayout(31, 17, "rgb", 16),
}


def random_planes(layout: PixelLayout, seed: int) -> Planes:
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(0, 1 << layout.depth, shape).astype(layout.dtype) for shape in layout.plane_shapes)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(
    ("there", "back"),
    [(planes_to_rgb, rgb_to_planes), (compiled_planes_to_rgb, compiled_rgb_to_planes)],
    ids=["plain", "compiled"],
)
def test_every_code_survives_the_round_trip(name: str, there: Any, back: Any) -> None:
    layout = LAYOUTS[name]
    planes = random_planes(layout, 1)
    rgb = there([tf.constant(plane[None]) for plane in planes], layout, 16)
    assert rgb.dtype == tf.float32
    assert rgb.shape[1] % 16 == rgb.shape[2] % 16 == 0
    for before, after in zip(planes, back(rgb, layout), strict=True):
        assert np.array_equal(before, after.numpy()[0])


@pytest.mark.parametrize(
    ("there", "back"),
    [(planes_to_rgb, rgb_to_planes), (compiled_planes_to_rgb, compiled_rgb_to_planes)],
    ids=["plain", "compiled"],
)
def test_light_below_black_and_above_white_survives(there: Any, back: Any) -> None:
    layout = PixelLayout(31, 17, "rgb", 32)
    planes = [np.linspace(-1.0, 8.0, 31 * 17, dtype=np.float32).reshape(1, 17, 31) * k for k in (1, 2, 3)]
    made = back(there([tf.constant(plane) for plane in planes], layout, 16), layout)
    for before, after in zip(planes, made, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("matrix", LUMA_WEIGHTS)
def test_primaries_have_the_standards_codes(matrix: str) -> None:
    """White, black and red in limited range, from the definition in ITU-T H.273."""
    layout = PixelLayout(2, 2, "yuv", 8, 0, 0, matrix)
    kr, kb = LUMA_WEIGHTS[matrix]
    expected = {
        (1.0, 1.0, 1.0): (235, 128, 128),
        (0.0, 0.0, 0.0): (16, 128, 128),
        (1.0, 0.0, 0.0): (round(16 + 219 * kr), round(128 - 224 * kr / (2 * (1 - kb))), 240),
    }
    for colour, codes in expected.items():
        planes = rgb_to_planes(tf.constant(colour, tf.float32, [1, 1, 1, 3]) * tf.ones([1, 2, 2, 1]), layout)
        assert tuple(int(plane[0, 0, 0]) for plane in planes) == codes


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("matrix", LUMA_WEIGHTS)
def test_grey_of_full_range_has_no_tint(matrix: str, depth: int) -> None:
    """Chroma 0 has the code 2^(depth - 1) in full range as well (H.273, 8.3), which no round trip would tell."""
    layout = PixelLayout(32, 32, "yuv", depth, 0, 0, matrix, full_range=True)
    top = (1 << depth) - 1
    for luma in (0, 100, top):
        codes = (luma, 1 << (depth - 1), 1 << (depth - 1))
        planes = [tf.constant(np.full((1, 32, 32), code, layout.dtype)) for code in codes]
        np.testing.assert_allclose(planes_to_rgb(planes, layout, 16), luma / top, atol=1e-6)


def test_padding_leaves_room_for_the_coarsest_level() -> None:
    assert [padded(side, 16) for side in (2, 32, 33, 720, 1080)] == [32, 32, 48, 720, 1088]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model("fbnet-r", device="cpu", precision="float32")


def scene(layout: PixelLayout, index: float) -> Planes:
    rgb = tf.constant(picture(index, layout.width, layout.height)[None], tf.float32)
    from frame_booster.engine.colour import pad_to

    height, width = padded(layout.height, 16), padded(layout.width, 16)
    return tuple(plane.numpy()[0] for plane in rgb_to_planes(pad_to(rgb, height, width), layout))


def test_made_frames_lie_between_and_do_not_depend_on_the_batch(model: Model) -> None:
    layout = PixelLayout(64, 48, "yuv", 8, 1, 1, "bt709")
    frames = [scene(layout, 3 * k) for k in range(4)]
    requests = [Request(k, k + 1) for k in range(3)]
    together = BatchInterpolator(model, layout, Plan(3)).make(frames, requests)
    alone = BatchInterpolator(model, layout, Plan(1))
    for k, made in enumerate(together):
        single = alone.make(frames[k : k + 2], [Request(0, 1)])[0]
        assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(made, single, strict=True))
        truth = scene(layout, 3 * k + 1.5)
        blend = (frames[k][0].astype(float) + frames[k + 1][0]) / 2
        error = np.mean((made[0][6:-6, 6:-6] - truth[0][6:-6, 6:-6].astype(float)) ** 2)
        assert error < np.mean((blend - truth[0])[6:-6, 6:-6] ** 2) / 2


def test_a_film_played_backwards_is_made_the_same(model: Model) -> None:
    layout = PixelLayout(64, 48, "yuv", 8, 1, 1, "bt709")
    frames = [scene(layout, 4 * k) for k in range(2)]
    maker = BatchInterpolator(model, layout, Plan(1))
    [forwards] = maker.make(frames, [Request(0, 1, Fraction(1, 4))])
    [backwards] = maker.make(frames[::-1], [Request(0, 1, Fraction(3, 4))])
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(forwards, backwards, strict=True))


def test_streamed_frames_are_those_made_pair_by_pair_to_the_bit(model: Model) -> None:
    layout = PixelLayout(64, 48, "rgb", 16, alpha=True)
    frames = [random_planes(layout, seed) for seed in range(4)]
    stream = BatchInterpolator(model, layout, Plan(1))
    assert isinstance(stream.maker, StreamMaker)
    streamed = []
    for k in range(3):
        requests = [Request(0, 1, Fraction(1, 4)), Request(0, 1, Fraction(1, 2))]
        streamed += stream.make([frames[k], frames[k + 1]], requests)
    assert stream.maker.frames_encoded == 4, "each frame once"
    alone = BatchInterpolator(model, layout, Plan(1))
    for k, made in enumerate(streamed):
        copies = [tuple(plane.copy() for plane in frame) for frame in frames[k // 2 : k // 2 + 2]]
        single = alone.make(copies, [Request(0, 1, Fraction(1 + k % 2, 4))])[0]
        assert all(np.array_equal(a, b) for a, b in zip(made, single, strict=True))


def test_pairs_made_at_the_same_time_are_those_made_one_after_the_other(model: Model) -> None:
    layout = PixelLayout(64, 48, "yuv", 8, 1, 1, "bt709")
    frames = [scene(layout, 3 * k) for k in range(13)]
    one_by_one = BatchInterpolator(model, layout, Plan(1))
    expected = [one_by_one.make(frames[k : k + 2], [Request(0, 1)])[0] for k in range(12)]
    maker = BatchInterpolator(model, layout, Plan(1, at_once=2))
    assert isinstance(maker.maker, StreamMaker)
    with ThreadPoolExecutor(maker.at_once) as pool:
        made = list(pool.map(lambda k: maker.make(frames[k : k + 2], [Request(0, 1)])[0], range(12)))
    assert maker.maker.frames_encoded == 13, "each frame once"
    for a, b in zip(expected, made, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_still_pair_comes_back_to_the_code(model: Model) -> None:
    layout = PixelLayout(62, 46, "yuv", 10, 1, 1, "bt2020")
    frame = random_planes(layout, 5)
    made = BatchInterpolator(model, layout, Plan(1)).make([frame, frame], [Request(0, 1)])[0]
    assert all(np.array_equal(a, b) for a, b in zip(frame, made, strict=True))


def test_alpha_is_interpolated(model: Model) -> None:
    layout = PixelLayout(32, 32, "rgb", 8, alpha=True)
    first, second = random_planes(layout, 1), random_planes(layout, 2)
    made = BatchInterpolator(model, layout, Plan(1)).make([first, second], [Request(0, 1, Fraction(1, 4))])[0]
    expected = np.rint(first[3] + 0.25 * (second[3].astype(float) - first[3]))
    assert np.abs(made[3] - expected).max() <= 1


@pytest.mark.parametrize(
    "layout",
    [
        PixelLayout(32, 64, "yuv", 8, 1, 1, alpha=True),
        PixelLayout(32, 64, "rgb", 16, alpha=True),
        PixelLayout(32, 64, "rgb", 32, alpha=True),
    ],
    ids=["8 bit", "16 bit", "floating"],
)
def test_alpha_is_the_same_to_the_bit_whatever_the_plan(model: Model, layout: PixelLayout) -> None:
    rng = np.random.default_rng(7)
    frames = [
        tuple((rng.uniform(0, layout.top, shape)).astype(layout.dtype) for shape in layout.plane_shapes)
        for _ in range(3)
    ]
    requests = [Request(k, k + 1, t) for k in range(2) for t in (Fraction(1, 3), Fraction(3, 4))]
    for plan in (Plan(4), Plan(1), Plan(1, 0, 2)):
        made = BatchInterpolator(model, layout, plan).make(frames, requests)
        for request, planes in zip(requests, made, strict=True):
            start, stop = (np.float32(frames[k][-1]) for k in (request.first, request.second))
            alpha = start + np.float32(request.t) * (stop - start)
            expected = alpha if layout.floating else np.rint(alpha).astype(layout.dtype)
            assert planes[-1].dtype == layout.dtype
            np.testing.assert_array_equal(planes[-1], expected, err_msg=str(plan))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("batch", [0, 2])
def test_interpolate_returns_what_it_is_given(model: Model, dtype: type, batch: int) -> None:
    top = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    frames = [(picture(k, 50, 37) * top).astype(dtype) for k in range(2)]
    if batch:
        frames = [np.stack([frame] * batch) for frame in frames]
    made = Interpolator(model).interpolate(*frames)
    assert made.shape == frames[0].shape
    assert made.dtype == dtype
    truth = picture(0.5, 50, 37)
    error = np.abs((made[0] if batch else made) / top - truth)[6:-6, 6:-6].mean()
    assert error < 0.03


def test_interpolate_refuses_what_it_cannot_use(model: Model) -> None:
    interpolate = Interpolator(model).interpolate
    good = np.zeros((8, 8, 3), np.uint8)
    for first, second, t in (
        (good, good[:4], 0.5),
        (good, good.astype(np.float32), 0.5),
        (good.astype(np.int32), good.astype(np.int32), 0.5),
        (good[..., :2], good[..., :2], 0.5),
        (good, good, -0.5),
        (good, good, 1.5),
    ):
        with pytest.raises(InputError):
            interpolate(first, second, t)


def test_fbnet_comes_near_other_times_by_recursive_midpoints() -> None:
    fbnet = load_model("fbnet", device="cpu", precision="float32", engine="tensorflow")
    first, second = (np.float32(picture(k, 32, 32)) for k in range(2))
    middle = fbnet.interpolate(first, second)
    quarter = fbnet.interpolate(first, second, 0.25)
    np.testing.assert_allclose(quarter, fbnet.interpolate(first, middle), atol=1e-6)


def test_fbnet_makes_quarters_of_planes() -> None:
    layout = PixelLayout(32, 32, "yuv", 8, 1, 1, "bt709")
    frames = [scene(layout, k) for k in range(2)]
    maker = BatchInterpolator(Model("fbnet", device="cpu", precision="float32"), layout, Plan(1))
    middle = maker.make(frames, [Request(0, 1)])[0]
    quarter = maker.make(frames, [Request(0, 1, Fraction(1, 4))])[0]
    again = maker.make([frames[0], middle], [Request(0, 1)])[0]
    assert all(np.array_equal(a, b) for a, b in zip(quarter, again, strict=True))


def test_devices() -> None:
    assert choose_device("cpu") == "/CPU:0"
    for bad in ("tpu", "cpu:1", "gpu:x", ""):
        with pytest.raises(InputError, match="unknown device"):
            choose_device(bad)
    with pytest.raises(ModelError, match="no GPU"):
        choose_device("gpu:99")


def test_logical_devices_run_the_same_code(model: Model) -> None:
    """The device is named explicitly everywhere, so that another one is only another name."""
    assert model.device == "/CPU:0"
    assert all("CPU:0" in tf.convert_to_tensor(variable).device for variable in model.network.trainable_variables)
