"""How much is computed at once: scale of the flow, strips, limits of memory, devices that run out of it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import psutil
import pytest
import tensorflow as tf

from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.device import frames_at_once
from frame_booster.engine.interpolator import Interpolator
from frame_booster.engine.maker import Request
from frame_booster.engine.makers.strips import cut
from frame_booster.engine.memory_plan import (
    BASE_BYTES,
    Plan,
    default_batch_size,
    default_flow_downscale,
    free_memory,
    make_plan,
    needed_bytes,
)
from frame_booster.engine.model import Model
from frame_booster.errors import InputError, ModelError
from frame_booster.network.presets import PRESETS
from frame_booster.option_values import parse_bytes
from frame_booster.pixels import PixelLayout, Planes
from tests.conftest import picture


@pytest.fixture(scope="module")
def model() -> Model:
    return Model("fbnet-r", device="cpu", precision="float32")


def moved(layout: PixelLayout, count: int = 2, step: int = 4) -> list[Planes]:
    """Frames of a picture that moves by `step` px a frame, codes of the layout."""
    rgb = picture(0, layout.width + 2 * step * count, layout.height + step * count)
    top = layout.top
    frames = []
    for k in range(count):
        part = rgb[k * step : k * step + layout.height, 2 * k * step : 2 * k * step + layout.width]
        planes = [part[..., 1], part[..., 2], part[..., 0], part.mean(-1)]
        small = [
            np.ascontiguousarray(plane[: shape[0] * ys : ys, : shape[1] * xs : xs] * top)
            for plane, shape, ys, xs in (
                (plane, shape, layout.height // shape[0] or 1, layout.width // shape[1] or 1)
                for plane, shape in zip(planes, layout.plane_shapes, strict=False)
            )
        ]
        frames.append(tuple(np.rint(x).astype(layout.dtype) for x in small))
    return frames


def size(width: int, height: int) -> PixelLayout:
    return PixelLayout(width, height, "yuv", 8, 1, 1)


@pytest.mark.parametrize(
    ("width", "height", "flow_downscale"),
    [(256, 144, 0), (960, 540, 0), (1280, 720, 1), (720, 1280, 1), (1920, 1080, 1), (3840, 2160, 2), (7680, 4320, 3)],
)
def test_motion_is_looked_for_at_a_scale_that_the_network_knows(
    model: Model, width: int, height: int, flow_downscale: int
) -> None:
    assert make_plan(size(width, height), model).flow_downscale == flow_downscale
    assert make_plan(size(width, height), model, flow_scale=Fraction(1)).flow_downscale == 0
    assert make_plan(size(width, height), model, flow_scale=Fraction(1, 4)).flow_downscale == 2


@pytest.mark.parametrize(
    ("name", "height", "flow_downscale"),
    [("fbnet-2", 1080, 0), ("fbnet-2", 2160, 1), ("fbnet-r", 720, 1), ("fbnet", 720, 0)],
)
def test_a_gpu_has_the_time_for_flow_at_full_size_where_that_is_better(
    name: str, height: int, flow_downscale: int
) -> None:
    assert default_flow_downscale(height * 16 // 9, height, PRESETS[name], "/GPU:0") == flow_downscale


def test_scales_that_there_are_not(model: Model) -> None:
    with pytest.raises(InputError, match="not one of"):
        make_plan(size(64, 64), model, flow_scale=Fraction(1, 3))
    with pytest.raises(InputError, match="supports only --flow-scale 1"):
        make_plan(size(64, 64), Model("fbnet", device="cpu", precision="float32"), flow_scale=Fraction(1, 2))


def test_batches_shrink_with_the_frame() -> None:
    sizes = [default_batch_size(size(w, h), "/CPU:0") for w, h in ((256, 144), (640, 360), (1920, 1080))]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


@pytest.mark.parametrize("gib", [2, 4, 6])
def test_a_plan_keeps_to_the_memory_it_is_given(model: Model, gib: int) -> None:
    limit = gib << 30
    sizes = [(256, 144), (1920, 1080), (3840, 2160), (7680, 4320)]
    for width, height in sizes if gib > 2 else sizes[:3]:
        plan = make_plan(size(width, height), model, max_memory=limit)
        assert BASE_BYTES + needed_bytes(plan, size(width, height), model.preset.bytes_per_pixel) <= limit
        assert plan.flow_downscale == make_plan(size(width, height), model).flow_downscale, "memory changes no picture"


def test_two_frames_at_once_only_where_there_is_room(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    assert frames_at_once("/GPU:0") == 3, "one goes up, one is computed, one comes down"
    for cores, at_once in ((1, 1), (2, 2), (16, 2)):
        monkeypatch.setattr("frame_booster.engine.device.os.cpu_count", lambda n=cores: n)
        assert frames_at_once("/CPU:0") == at_once
    assert make_plan(size(1920, 1080), model, at_once=2).at_once == 2
    assert make_plan(size(3840, 2160), model, at_once=2).at_once == 1
    one, two = (needed_bytes(Plan(1, 1, at_once=k), size(1920, 1080), model.preset.bytes_per_pixel) for k in (1, 2))
    assert two == 2 * one
    tight = make_plan(size(1920, 1080), model, at_once=2, max_memory=BASE_BYTES + two)
    assert (tight.at_once, tight.strips) == (1, 1), "two at once are given up before anything else"
    assert Plan(4, at_once=2).smaller(model.network, 360) == Plan(4)
    assert Plan(4, at_once=2).smaller(model.network, 360, on_gpu=True) == Plan(2, at_once=2)
    assert Plan(1, at_once=2).smaller(model.network, 360, on_gpu=True) == Plan(1)


def test_too_little_memory_is_refused_only_where_it_was_asked_for(model: Model) -> None:
    with pytest.raises(InputError, match=r"7680x4320 needs about \d+ MiB.*--max-memory"):
        make_plan(size(7680, 4320), model, max_memory=1 << 30)
    assert make_plan(size(7680, 4320), model, max_memory=1 << 30, refuse=False).strips > 1


def test_free_memory_is_known_here() -> None:
    free = free_memory()
    assert 1 << 20 < free < 1 << 50
    assert free <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("text", "amount"), [("6G", 6 << 30), ("800M", 800 << 20), ("1.5GiB", 3 << 29), ("4096", 4096), ("2kb", 2048)]
)
def test_amounts_of_memory(text: str, amount: int) -> None:
    assert parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "much", "G", "1/0"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(InputError, match="not an amount"):
        parse_bytes(text)


@pytest.mark.parametrize("strips", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("height", [64, 720, 1088])
def test_strips_cover_every_row_once(height: int, strips: int) -> None:
    made, looked_at = cut(height, strips, 16)
    assert [row for s in made for row in range(s.top, s.bottom)] == list(range(height))
    for strip in made:
        assert strip.seen % 16 == 0
        assert 0 <= strip.seen <= strip.top
        assert strip.bottom <= strip.seen + looked_at <= height
        inner = [strip.top - strip.seen, strip.seen + looked_at - strip.bottom]
        assert all(rows >= 128 or edge for rows, edge in zip(inner, (strip.seen == 0, True), strict=True))


STRIPPED = {
    "420": PixelLayout(96, 640, "yuv", 8, 1, 1),
    "420 odd 10 bit": PixelLayout(95, 633, "yuv", 10, 1, 1, "bt2020"),
    "422": PixelLayout(64, 600, "yuv", 12, 1, 0),
    "alpha": PixelLayout(64, 600, "rgb", 8, alpha=True),
    "gray": PixelLayout(64, 600, "gray", 16),
}


@pytest.mark.parametrize(
    ("layout", "flow_downscale"),
    # Every layout at one scale of the flow, and the usual one at all.
    [*((STRIPPED[name], 1) for name in STRIPPED), (STRIPPED["420"], 0), (STRIPPED["420"], 2)],
    ids=[*(f"{name}-1" for name in STRIPPED), "420-0", "420-2"],
)
def test_strips_make_the_same_frame(model: Model, layout: PixelLayout, flow_downscale: int) -> None:
    frames = moved(layout)
    whole = BatchInterpolator(model, layout, Plan(1, flow_downscale)).make(frames, [Request(0, 1, Fraction(1, 3))])[0]
    strips = BatchInterpolator(model, layout, Plan(1, flow_downscale, 4)).make(frames, [Request(0, 1, Fraction(1, 3))])[
        0
    ]
    for a, b in zip(whole, strips, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_strips_of_the_published_network_have_no_seam() -> None:
    fbnet = Model("fbnet", device="cpu", precision="float32")
    layout = size(64, 640)
    frames = moved(layout)
    whole, strips = (
        BatchInterpolator(fbnet, layout, Plan(1, 0, count)).make(frames, [Request(0, 1)])[0] for count in (1, 3)
    )
    for a, b in zip(whole, strips, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_halved_search_finds_larger_motion(model: Model) -> None:
    layout = PixelLayout(320, 192, "gray", 8)
    blocks = np.random.default_rng(3).uniform(0, 255, (1, 40, 60, 1)).astype(np.float32)
    texture = tf.image.resize(blocks, [320, 480], "bicubic").numpy()[0, ..., 0].clip(0, 255)
    frames = [(texture[24 * k : 24 * k + 192, 32 * k : 32 * k + 320].round().astype(np.uint8),) for k in range(3)]
    [made] = BatchInterpolator(model, layout, Plan(1, 1)).make([frames[0], frames[2]], [Request(0, 1)])
    inside = (slice(24, -24), slice(24, -24))
    error, blend = (
        np.mean((x[inside] - frames[1][0].astype(float)[inside]) ** 2)
        for x in (made[0].astype(float), (frames[0][0].astype(float) + frames[2][0]) / 2)
    )
    assert error < blend / 10


@pytest.mark.parametrize("flow_downscale", [0, 1, 2, 3])
def test_motion_found_on_halved_frames_is_good_to_a_fifth_of_a_px(model: Model, flow_downscale: int) -> None:
    blocks = np.random.default_rng(5).uniform(0, 1, (1, 160, 256, 3)).astype(np.float32)
    texture = tf.image.resize(blocks, [480, 768], "bicubic").numpy().clip(0, 1)
    frames = [tf.constant(texture[:, 20 - dy : 404 - dy, 30 - dx : 670 - dx]) for dy, dx in ((0, 0), (7, 13))]
    flow = model.network(*frames, flow_downscale=flow_downscale).flows[-1][0].numpy()[0, 64:-64, 64:-64]
    off = np.linalg.norm(flow - np.array([3.5, 6.5]), axis=-1)
    assert np.mean(off) < 0.2


def test_pictures_are_made_as_video_is(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """RGB at full depth through both roads, with a size at which motion is looked for on halved frames."""
    monkeypatch.setattr("frame_booster.engine.memory_plan.FLOW_SIDE", 64)
    layout = PixelLayout(128, 96, "rgb", 16)
    assert make_plan(layout, model).flow_downscale == 1
    frames = moved(layout)
    [(green, blue, red)] = BatchInterpolator(model, layout).make(frames, [Request(0, 1)])
    pictures = [np.stack([frame[2], frame[0], frame[1]], -1) for frame in frames]
    made = Interpolator(model).interpolate(*pictures)
    assert np.abs(made.astype(int) - np.stack([red, green, blue], -1)).max() <= 1


class _Small:
    """A network on a device with room for so many pixels at once."""

    any_timestep, multiple, max_flow_downscale = True, 2, 0
    frame_coding = strips = None

    def __init__(self, room: int) -> None:
        self.room = room

    def _check(self, x: Any, pairs: int) -> Any:
        def look(batch: np.ndarray) -> np.ndarray:
            if batch.shape[1] * batch.shape[2] * pairs > self.room:
                raise MemoryError("OOM when allocating tensor")
            return batch

        checked = tf.numpy_function(look, [x], x.dtype)
        checked.set_shape(x.shape)
        return checked

    def between(
        self, frames: Any, first: Any, second: Any, t: Any, flow_downscale: int = 0, downscaled: Any = None
    ) -> Any:
        from frame_booster.network.prediction import Prediction

        frames = self._check(frames, int(first.shape[0]))
        mixed = 0.5 * (tf.gather(frames, first) + tf.gather(frames, second))
        return Prediction(mixed, mixed, [])

    def __call__(self, first: Any, second: Any, t: Any, *, flow_downscale: int = 0) -> Any:
        from frame_booster.network.prediction import Prediction

        mixed = 0.5 * (self._check(first, 1) + second)
        return Prediction(mixed, mixed, [])


class _SmallModel(Model):
    name, device, precision = "small", "/CPU:0", "float32"

    def __init__(self, room: int) -> None:
        self.network = _Small(room)  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("room", "plan"), [(64 * 640 * 4, Plan(4)), (64 * 640 * 3, Plan(2)), (64 * 640, Plan(1)), (64 * 500, Plan(1, 0, 4))]
)
def test_a_device_that_runs_out_of_memory_gets_less_at_once(
    monkeypatch: pytest.MonkeyPatch, room: int, plan: Plan
) -> None:
    layout = size(64, 640)
    frames = moved(layout, 5)
    requests = [Request(k, k + 1) for k in range(4)]
    expected = BatchInterpolator(_SmallModel(1 << 30), layout, Plan(4)).make(frames, requests)
    maker = BatchInterpolator(_SmallModel(room), layout, Plan(4))
    made = maker.make(frames, requests)
    assert maker.plan == plan
    assert all(same(a, b) for a, b in zip(expected, made, strict=True))


def same(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_device_that_is_too_small_for_anything_says_so() -> None:
    layout = size(64, 640)
    maker = BatchInterpolator(_SmallModel(100), layout, Plan(2))
    with pytest.raises(ModelError, match=r"too little memory for 64x640.*--device cpu"):
        maker.make(moved(layout), [Request(0, 1)])
