"""Graphs of the ONNX engine where flow is of smaller frames, as for large ones, and pictures of black and white."""

from __future__ import annotations

import numpy as np
import pytest

from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.interpolator import Interpolator
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.onnx.model import OnnxModel
from frame_booster.pixels import PixelLayout
from tests.engine.test_contract import difference, scene

pytest.importorskip("onnx", reason="needs the extra `onnx`")
pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")


@pytest.fixture(scope="module")
def model() -> OnnxModel:
    return OnnxModel("fbnet-2", device="cpu", precision="float32", provider="cpu", cache=False)


@pytest.mark.parametrize("flow_downscale", [1, 2])
def test_strips_give_the_whole_frame_with_flow_of_smaller_frames(model: OnnxModel, flow_downscale: int) -> None:
    layout = PixelLayout(48, 640, "yuv", 8, 1, 1)
    frames = [scene(layout, 2 * k) for k in range(2)]
    made, whole = (
        BatchInterpolator(model, layout, Plan(1, flow_downscale, strips)).make(frames, [Request(0, 1)])[0]
        for strips in (2, 1)
    )
    assert difference(made, whole) <= 1


def test_pictures_are_as_video_with_flow_of_smaller_frames(model: OnnxModel) -> None:
    layout = PixelLayout(50, 70, "rgb", 8)
    frames = [scene(layout, 3 * k) for k in range(2)]
    [(green, blue, red)] = BatchInterpolator(model, layout, Plan(1, 1)).make(frames, [Request(0, 1)])
    pictures = [np.stack([frame[2], frame[0], frame[1]], -1)[None].astype(np.float32) / 255.0 for frame in frames]
    made = np.rint(model.pictures((1, 70, 50, 3), 255.0, 1)(*pictures, 0.5)[0] * 255.0)
    assert difference((made[..., 0], made[..., 1], made[..., 2]), (red, green, blue)) <= 1


def test_what_overshoots_black_and_white_stays_black_and_white(model: OnnxModel) -> None:
    """Beyond the range, the code value of a picture would be that of the other end."""
    x = np.arange(64) // 3 % 2
    stripes = [np.repeat(np.broadcast_to(np.roll(x, k), (32, 64))[..., None], 3, -1) for k in range(2)]
    floats = model.pictures((1, 32, 64, 3), 1.0, 0)(*(s[None].astype(np.float32) for s in stripes), 0.5)
    assert floats.min() == 0.0
    assert floats.max() == 1.0
    made = Interpolator(model).interpolate(*((255 * s).astype(np.uint8) for s in stripes))
    np.testing.assert_allclose(made / 255.0, floats[0], atol=0.51 / 255)
