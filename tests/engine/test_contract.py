"""The contract of engines: what the pipeline may rely on, whichever of the two runs the network."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.interpolator import Interpolator
from frame_booster.engine.maker import Request
from frame_booster.engine.makers.batch import BatchMaker
from frame_booster.engine.makers.stream import StreamMaker
from frame_booster.engine.makers.strips import StripMaker
from frame_booster.engine.memory_plan import Plan, make_plan
from frame_booster.errors import ModelError
from frame_booster.pixels import PixelLayout, Planes
from tests.conftest import MeanModel, picture

ENGINES = ["tensorflow", "cpu", "openvino"]
"""TensorFlow with a network that needs no compiling, and the ONNX engine on both providers of a processor."""


@lru_cache
def loaded(engine: str) -> LoadedNetwork:
    if engine == "tensorflow":
        return MeanModel()
    for package in ("onnx", "onnxruntime" if engine == "cpu" else "openvino"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    from frame_booster.engine.onnx.model import OnnxModel

    return OnnxModel("fbnet-2", device="cpu", precision="float32", provider=engine)


@pytest.fixture(params=ENGINES)
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> LoadedNetwork:
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    return loaded(request.param)


def scene(layout: PixelLayout, index: float) -> Planes:
    rgb = picture(index, layout.width, layout.height)
    shapes = layout.plane_shapes
    values = [rgb[..., 1], rgb[..., 2], rgb[..., 0], rgb.mean(-1)]
    return tuple(
        np.ascontiguousarray(np.rint(v * layout.top)[:: layout.height // h, :: layout.width // w][:h, :w]).astype(
            layout.dtype
        )
        for v, (h, w) in zip(values, shapes, strict=False)
    )


LAYOUT = PixelLayout(64, 48, "yuv", 8, 1, 1)


def difference(first: Planes, second: Planes) -> int:
    return max(int(np.abs(a.astype(np.int64) - b).max()) for a, b in zip(first, second, strict=True))


def test_facts_are_told(model: LoadedNetwork) -> None:
    assert model.engine in ("tensorflow", "onnx")
    assert model.device == "/CPU:0"
    assert (model.provider is None) == (model.engine == "tensorflow")
    assert model.precision == "float32"
    assert model.frames_at_once() in (1, 2)
    assert model.base_bytes > 0
    assert model.network.multiple in (4, 16)
    assert make_plan(LAYOUT, model).strips == 1


def test_a_batch_gives_what_pairs_give_one_by_one(model: LoadedNetwork) -> None:
    frames = [scene(LAYOUT, 2 * k) for k in range(4)]
    requests = [Request(k, k + 1, t) for k, t in enumerate((Fraction(1, 2), Fraction(1, 4), Fraction(1, 2)))]
    batch = BatchInterpolator(model, LAYOUT, Plan(2))
    assert isinstance(batch.maker, BatchMaker)
    together = batch.make(frames, requests)
    alone = BatchInterpolator(model, LAYOUT, Plan(1))
    for request, made in zip(requests, together, strict=True):
        [single] = alone.make([frames[request.first], frames[request.second]], [Request(0, 1, request.t)])
        assert difference(made, single) <= 1
        assert [plane.dtype for plane in made] == [np.uint8] * 3
        assert tuple(plane.shape for plane in made) == LAYOUT.plane_shapes


def test_encoded_frames_serve_two_pairs_from_any_thread(model: LoadedNetwork) -> None:
    frames = [scene(LAYOUT, 2 * k) for k in range(6)]
    maker = BatchInterpolator(model, LAYOUT, Plan(1, at_once=2))
    if not isinstance(maker.maker, StreamMaker):
        assert model.stream(LAYOUT, Plan(1)) is None, "this network has no encoding of single frames"
        return
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda k: maker.make(frames[k : k + 2], [Request(0, 1)])[0], range(5)))
    assert maker.maker.frames_encoded == 6, "each frame once"
    again = BatchInterpolator(model, LAYOUT, Plan(1))
    for k, one in enumerate(made):
        assert difference(one, again.make([frames[k], frames[k + 1]], [Request(0, 1)])[0]) == 0


@pytest.mark.parametrize(
    "layout",
    [PixelLayout(62, 46, "rgb", 16, alpha=True), PixelLayout(62, 46, "gray", 8), PixelLayout(62, 46, "rgb", 32)],
    ids=["rgb 16 with alpha", "gray", "floating"],
)
def test_planes_are_those_of_the_layout(model: LoadedNetwork, layout: PixelLayout) -> None:
    frames = [scene(layout, 2 * k) for k in range(2)]
    [made] = BatchInterpolator(model, layout, Plan(1)).make(frames, [Request(0, 1)])
    assert [plane.dtype for plane in made] == [layout.dtype] * len(layout.plane_shapes)
    assert tuple(plane.shape for plane in made) == layout.plane_shapes
    truth = scene(layout, 1)
    for plane, expected, first, second in zip(made, truth, *frames, strict=True):
        error, blend = (
            np.abs(x - expected.astype(float))[6:-6, 6:-6].mean() for x in (plane, (first + second.astype(float)) / 2)
        )
        assert error <= 1.01 * blend + 0.6


def test_strips_give_the_whole_frame(model: LoadedNetwork) -> None:
    layout = PixelLayout(48, 640, "yuv", 8, 1, 1)
    frames = [scene(layout, 2 * k) for k in range(2)]
    strips = BatchInterpolator(model, layout, Plan(1, 0, 2))
    assert isinstance(strips.maker, StripMaker)
    [made] = strips.make(frames, [Request(0, 1)])
    [whole] = BatchInterpolator(model, layout, Plan(1)).make(frames, [Request(0, 1)])
    assert difference(made, whole) <= 1


def test_pictures_are_interpolated_as_video(model: LoadedNetwork) -> None:
    layout = PixelLayout(50, 38, "rgb", 8)
    frames = [scene(layout, 2 * k) for k in range(2)]
    [(green, blue, red)] = BatchInterpolator(model, layout, Plan(1)).make(frames, [Request(0, 1, Fraction(1, 4))])
    pictures = [np.stack([frame[2], frame[0], frame[1]], -1) for frame in frames]
    made = Interpolator(model).interpolate(*pictures, t=0.25)
    assert made.dtype == np.uint8
    assert difference((made[..., 0], made[..., 1], made[..., 2]), (red, green, blue)) <= 1


def test_want_of_memory_is_told_from_other_errors(model: LoadedNetwork) -> None:
    short: Exception = RuntimeError("Failed to allocate memory for requested buffer of size 123")
    if model.engine == "tensorflow":
        short = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    assert model.is_out_of_memory(short)
    assert not model.is_out_of_memory(ValueError("another"))


def test_a_device_without_room_is_given_less_and_then_up(model: LoadedNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    short: Exception = MemoryError("out of memory")
    if model.engine == "tensorflow":
        short = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    class Full:
        def __call__(self, *_: Any) -> Any:
            raise short

        find = fuse = __call__

    for method in ("batch", "strips"):
        monkeypatch.setattr(type(model), method, lambda *_: Full())
    monkeypatch.setattr(type(model), "stream", lambda *_: None)
    maker = BatchInterpolator(model, LAYOUT, Plan(4))
    with pytest.raises(ModelError, match=r"too little memory for 64x48.*--device cpu"):
        maker.make([scene(LAYOUT, k) for k in range(2)], [Request(0, 1)])
    assert maker.plan.batch_size == 1


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    from frame_booster.engine.weights import shipped_weights

    pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")
    from frame_booster.engine.onnx.model import OnnxModel

    with pytest.raises(ModelError, match=r"weights for the network 'fbnet', not 'fbnet-2'.*--model fbnet"):
        OnnxModel("fbnet-2", shipped_weights("fbnet"), "cpu", provider="cpu")
    with pytest.raises(ModelError, match="no such weights file"):
        OnnxModel("fbnet-2", tmp_path / "none.safetensors", "cpu", provider="cpu")
