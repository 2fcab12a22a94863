"""Adding a network as CONTRIBUTING says: a class with the members of `Network`, a preset, a golden frame."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster import boost, load_model
from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import Plan, make_plan
from frame_booster.engine.model import Model, shipped_weights
from frame_booster.errors import ModelError
from frame_booster.network.layers import Convolution, Stage
from frame_booster.network.prediction import Prediction
from frame_booster.network.presets import PRESETS, BytesPerPixel, Preset, create_network, preset_of, register
from frame_booster.network.weights import save_weights
from frame_booster.pixels import PixelLayout
from tests import golden
from tests.conftest import decoded, make_video

PACKAGE = Path(__file__).resolve().parents[2] / "frame_booster"
BRIGHTER = 0.1


class Toy(Stage):
    """Blends both frames and adds what it has learned to every colour."""

    network_name, multiple, any_timestep, max_flow_downscale = "toy", 2, True, 0
    frame_coding = strips = None

    def __init__(self, precision: str) -> None:
        super().__init__("toy")
        self.precision = precision
        self.colours = Convolution(3, 3, size=1, slope=None, precision=precision, name="colours")
        self.built = True

    def parts(self) -> list[Any]:
        return [self.colours]

    def call(self, frame0: Any, frame1: Any, t: Any = None, flow_downscale: int = 0) -> Prediction:
        at = 0.5 if t is None else tf.reshape(t, [-1, 1, 1, 1])
        rgb = tf.cast(self.colours(frame0 + at * (frame1 - frame0)), tf.float32)
        return Prediction(frame=tf.clip_by_value(rgb, 0.0, 1.0), unclipped=rgb, flows=[])

    def between(
        self, frames: Any, first: Any, second: Any, t: Any, flow_downscale: int = 0, downscaled: Any = None
    ) -> Prediction:
        prediction: Prediction = self(tf.gather(frames, first), tf.gather(frames, second), t)
        return prediction


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Preset]:
    """A preset of that network, with weights that make frames brighter."""
    network = Toy("float32")
    network.colours.kernel.assign(np.eye(3, dtype=np.float32)[None, None])
    network.colours.bias.assign([BRIGHTER] * 3)
    save_weights(tmp_path / "toy.safetensors", network, {"training_data": "none"})
    preset = Preset(
        name="toy",
        load=Toy,
        weights=str(tmp_path / "toy.safetensors"),
        bytes_per_pixel=BytesPerPixel(frame=100.0),
        max_flow_downscale=0,
        any_timestep=True,
        description="Blends, and makes brighter.",
        licence="MIT",
        run="",
    )
    register(preset)
    yield preset
    del PRESETS["toy"]


def luma(frame: bytes, layout: PixelLayout) -> float:
    return float(np.frombuffer(frame, np.uint8)[: layout.width * layout.height].mean())


def test_a_video_is_boosted_by_a_network_that_was_added(toy: Preset, tmp_path: Path) -> None:
    size = (64, 48)
    source = make_video(tmp_path / "in.mkv", pts=range(5), size=size, codec="ffv1")
    result = boost(source, tmp_path / "out.mkv", model="toy", device="cpu", precision="float32", codec="ffv1")
    assert (result.model, result.frames_in, result.frames_out, result.made) == ("toy", 5, 10, 4)
    before, after = decoded(source), decoded(tmp_path / "out.mkv")
    assert [frame for _, frame in after[::2]] == [frame for _, frame in before], "source frames are not touched"
    layout = PixelLayout(*size, "yuv", 8, 1, 1)
    levels = [luma(frame, layout) for _, frame in after]
    for k in (1, 3, 5, 7):
        blend = (levels[k - 1] + levels[k + 1]) / 2
        assert levels[k] == pytest.approx(blend + 219 * BRIGHTER, abs=1.0)


def test_every_way_of_the_engine_takes_it(toy: Preset) -> None:
    """Batches, single pairs, strips and pictures; its memory is that of its preset."""
    model, layout = Model("toy", device="cpu", precision="float32"), PixelLayout(32, 640, "rgb", 16)
    rng = np.random.default_rng(3)
    frames = [tuple(rng.integers(0, 40_000, s).astype(np.uint16) for s in layout.plane_shapes) for _ in range(3)]
    requests = [Request(0, 1, Fraction(1, 4)), Request(1, 2, Fraction(1, 2))]
    expected = [
        np.stack(frames[r.first]) * (1 - float(r.t)) + np.stack(frames[r.second]) * float(r.t) for r in requests
    ]
    for plan in (Plan(2), Plan(1), Plan(1, 0, 3)):
        made = BatchInterpolator(model, layout, plan).make(frames, requests)
        for planes, blend in zip(made, expected, strict=True):
            np.testing.assert_allclose(np.stack(planes), blend + BRIGHTER * layout.top, atol=1.0)
    made = load_model("toy", device="cpu", precision="float32").interpolate(
        np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 3), np.float32)
    )
    np.testing.assert_allclose(made, BRIGHTER, atol=1e-6)
    large = PixelLayout(1920, 1080, "yuv", 8, 1, 1)
    plan = make_plan(large, model, max_memory=2 << 30, at_once=2)
    needy = Preset(**{**vars(toy), "bytes_per_pixel": BytesPerPixel(frame=1000.0)})
    model.preset = needy
    assert make_plan(large, model, max_memory=2 << 30, at_once=2).strips > plan.strips == 1


def test_its_golden_frame_is_added_to_those_of_the_others(toy: Preset, tmp_path: Path) -> None:
    file = tmp_path / "golden.safetensors"
    shutil.copy(golden.GOLDEN, file)
    golden.add("toy", file)
    np.testing.assert_array_equal(golden.expected_frame("toy", file), golden.golden_frame("toy"))
    for name in set(PRESETS) - {"toy"}:
        np.testing.assert_array_equal(golden.expected_frame(name, file), golden.expected_frame(name))


def test_a_name_is_given_once_and_one_that_is_not_there_is_told(toy: Preset) -> None:
    assert shipped_weights("toy") == Path(toy.weights)
    with pytest.raises(ValueError, match="'toy' exists already"):
        register(toy)
    with pytest.raises(ModelError, match=r"unknown network 'nothing'.*use one of .*toy"):
        preset_of("nothing")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_say_of_networks_what_networks_say_of_themselves(name: str) -> None:
    network, preset = create_network(name, "bfloat16"), PRESETS[name]
    assert network.network_name == preset.name == name
    assert network.any_timestep == preset.any_timestep
    assert network.max_flow_downscale == preset.max_flow_downscale
    assert network.precision == "bfloat16"
    if network.max_flow_downscale:
        assert preset.bytes_per_pixel.flow > 0


def texts(path: Path) -> list[str]:
    """All strings of a module but docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    strings = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return [node.value for node in strings if id(node) not in told]


def test_no_file_outside_the_networks_names_one() -> None:
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        if parts[0] == "network":
            continue
        # The command of that name may say its own.
        own = {"fbnet"} if parts[0] == "cli" and parts[1].startswith("fbnet") else set()
        named = [text for text in texts(path) if text in {*PRESETS} - own or re.search(r"\bfbnet-r\b", text)]
        assert named == [], path


def test_the_engine_knows_no_network_from_inside() -> None:
    allowed = {
        "compiling",
        "computations",
        "doubt",
        "interface",
        "layers",
        "onnx_graphs",
        "presets",
        "weights",
        "weights_file",
    }
    for path in (PACKAGE / "engine").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        inside = {m.split(".")[2] for m in modules if m.startswith("frame_booster.network.")}
        assert inside <= allowed, path
        of_graphs = {m.split(".")[3] for m in modules if m.startswith("frame_booster.network.onnx_graphs.")}
        assert of_graphs <= {"graph", "interface", "layers", "networks"}, path
        assert "hasattr" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}, path
