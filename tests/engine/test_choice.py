"""Which engine and provider is taken, and what is said where there is none."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from frame_booster.engine import choice, nvidia
from frame_booster.engine.choice import Work, choose_engine
from frame_booster.engine.onnx import providers
from frame_booster.engine.onnx.providers import (
    COREML,
    CPU,
    CUDA,
    DIRECTML,
    OPENVINO,
    PROVIDERS,
    TENSORRT,
    choose_precision,
    choose_provider,
    runtime,
)
from frame_booster.errors import InputError, ModelError
from frame_booster.network.presets import PRESETS
from tests.conftest import make_video

ROOT = Path(__file__).resolve().parents[2]
HD = 1280 * 720


class Machine:
    """What is installed, as far as the choice looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.has()

    def has(
        self,
        *here: str,
        tensorflow: bool = True,
        gpu: bool = False,
        bfloat16: bool = False,
        runtimes: tuple[str, ...] = ("onnxruntime",),
    ) -> None:
        for name, value in {
            "choice.has_tensorflow": lambda: tensorflow,
            "choice.tensorflow_has_gpu": lambda: gpu,
            "choice.has_bfloat16": lambda: bfloat16,
            "onnx.providers.has_bfloat16": lambda: bfloat16,
            "onnx.providers.has_onnx_runtime": lambda: bool(set(here) - {OPENVINO}),
            "onnx.providers.has_openvino": lambda: OPENVINO in here,
            "onnx.providers.available": lambda: tuple(n for n in PROVIDERS if n in here),
            "onnx.providers.installed_runtimes": lambda: list(runtimes),
        }.items():
            self._patch.setattr(f"frame_booster.engine.{name}", value)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def chosen(name: str = "auto", work: Work | None = None, **asked: str) -> str:
    values = {"model": "fbnet-2", "device": "auto", "precision": "auto", "provider": "auto", **asked}
    return choose_engine(name, work=work, **values)


def test_tensorflow_with_a_gpu_comes_first(machine: Machine) -> None:
    machine.has(CPU, OPENVINO, gpu=True)
    assert chosen() == "tensorflow"
    assert chosen(work=Work(HD, 1), device="cpu") == "onnx", "not on the GPU"
    machine.has(CPU, CUDA, gpu=True)
    assert chosen() == "tensorflow"


def test_then_an_accelerator_of_onnx_runtime(machine: Machine) -> None:
    for accelerator in (CUDA, DIRECTML):
        machine.has(CPU, accelerator)
        assert chosen() == "onnx"
        assert choose_provider("auto", "auto") == (PROVIDERS[accelerator], "/GPU:0")
        assert chosen(device="gpu:0,gpu:1") == "onnx", "the first of several devices decides"


def test_then_on_a_processor_the_one_that_is_done_sooner(machine: Machine) -> None:
    machine.has(CPU)
    assert chosen(work=Work(HD, 5)) == "onnx", "started before TensorFlow is"
    assert chosen(work=Work(HD, 36)) == "tensorflow", "twice as fast a frame"
    assert chosen(work=Work(HD, 10_000)) == "tensorflow", "faster in the long run"
    assert chosen() == "tensorflow", "a folder, or a pipe"
    for bfloat16 in (False, True):
        machine.has(CPU, OPENVINO, bfloat16=bfloat16)
        assert chosen(work=Work(HD, 36)) == "onnx"
        assert chosen(work=Work(448 * 256, 300)) == "onnx"
        assert chosen(work=Work(HD, 10_000)) == "tensorflow"


def test_what_only_one_engine_has_decides(machine: Machine) -> None:
    machine.has(CPU)
    assert chosen(work=Work(HD, 1), precision="float16") == "tensorflow", "ONNX Runtime has none on a processor"
    assert chosen(work=Work(HD, 1), device="cpu:1") == "tensorflow"
    assert chosen(work=Work(HD, 1), device="gpu") == "tensorflow", "which says that there is none"
    assert chosen(work=Work(HD, 1), model="another") == "tensorflow"
    assert chosen(provider="cpu") == "onnx"
    machine.has(CPU, tensorflow=False)
    assert chosen() == "onnx"
    machine.has()
    assert chosen(work=Work(HD, 1)) == "tensorflow"


def test_an_engine_that_cannot_be_had_is_refused(machine: Machine) -> None:
    machine.has(CPU, tensorflow=False)
    with pytest.raises(ModelError, match=r"TensorFlow is not installed.*--engine onnx"):
        chosen("tensorflow")
    with pytest.raises(InputError, match="unknown engine 'torch'"):
        chosen("torch")
    machine.has(CPU)
    with pytest.raises(InputError, match=r"not to TensorFlow.*--engine onnx"):
        chosen("tensorflow", provider="cpu")


def test_providers_are_taken_in_order_or_by_name(machine: Machine) -> None:
    machine.has(CPU, OPENVINO, CUDA, TENSORRT)
    assert choose_provider("auto", "auto") == (PROVIDERS[CUDA], "/GPU:0")
    assert choose_provider("auto", "gpu:1") == (PROVIDERS[CUDA], "/GPU:1")
    assert choose_provider("auto", "cpu") == (PROVIDERS[OPENVINO], "/CPU:0")
    for name in ("tensorrt", TENSORRT):
        assert choose_provider(name, "auto") == (PROVIDERS[TENSORRT], "/GPU:0")
    machine.has(CPU, TENSORRT)
    assert choose_provider("auto", "auto") == (PROVIDERS[CPU], "/CPU:0"), "never TensorRT unasked"


@pytest.mark.parametrize(
    ("here", "name", "device", "error", "match"),
    [
        ((CPU,), "vulkan", "auto", InputError, "unknown provider 'vulkan'"),
        ((CPU,), "cpu", "gpu", InputError, "does not run on --device gpu"),
        ((CPU, CUDA), "cuda", "cpu", InputError, "does not run on --device cpu"),
        ((CPU,), "auto", "tpu", InputError, "unknown device 'tpu'"),
        ((CPU,), "auto", "gpu", ModelError, r"has no GPU provider.*pip install"),
        (
            (CPU,),
            "openvino",
            "auto",
            ModelError,
            r'OpenVINOExecutionProvider is not available.*"frame-booster\[openvino\]"',
        ),
        ((), "auto", "auto", ModelError, r'not installed.*pip install "frame-booster\[onnx\]"'),
    ],
)
def test_a_provider_that_cannot_be_had_is_refused_with_the_way_to_get_it(
    machine: Machine, here: tuple[str, ...], name: str, device: str, error: type[Exception], match: str
) -> None:
    machine.has(*here)
    with pytest.raises(error, match=match):
        choose_provider(name, device)


def test_cuda_without_its_runtime_is_told_with_the_command(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has(CPU)
    monkeypatch.setattr(providers, "nvidia_gpus", lambda: 1)
    command = r'pip uninstall -y onnxruntime, then pip install "frame-booster\[onnx-cuda\]"'
    with pytest.raises(ModelError, match=command):
        choose_provider("cuda", "auto")


def test_two_runtimes_that_overwrite_each_other_are_refused(machine: Machine) -> None:
    machine.has(CPU, CUDA, runtimes=("onnxruntime", "onnxruntime-gpu"))
    with pytest.raises(ModelError, match="pip uninstall -y onnxruntime onnxruntime-gpu"):
        choose_provider("auto", "auto")


def test_precisions_are_those_that_a_provider_computes_in(machine: Machine) -> None:
    machine.has(bfloat16=True)
    safe = PRESETS["fbnet-2"]
    other = replace(safe, float16_is_safe=False)
    assert choose_precision("auto", PROVIDERS[OPENVINO], safe) == "bfloat16"
    machine.has(bfloat16=False)
    assert choose_precision("auto", PROVIDERS[OPENVINO], safe) == "float32"
    assert choose_precision("auto", PROVIDERS[CPU], safe) == "float32"
    for name in (CUDA, TENSORRT, DIRECTML, COREML):
        assert choose_precision("auto", PROVIDERS[name], safe) == "float16"
        assert choose_precision("auto", PROVIDERS[name], other) == "float32", "its numbers leave the range of float16"
    with pytest.raises(InputError, match=r"does not support float16.*--engine tensorflow"):
        choose_precision("float16", PROVIDERS[CPU], safe)
    with pytest.raises(InputError, match="unknown precision 'int8'"):
        choose_precision("int8", PROVIDERS[CPU], safe)


def test_gpus_are_counted_by_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    class Driver:
        @staticmethod
        def cuInit(flags: int) -> int:
            return 0

        @staticmethod
        def cuDeviceGetCount(count: Any) -> int:
            count._obj.value = 2
            return 0

    def none(name: str) -> Any:
        raise OSError(name)

    for library, count in ((lambda _: Driver(), 2), (none, 0)):
        monkeypatch.setattr(nvidia.ctypes, "CDLL", library)
        monkeypatch.setattr(nvidia.sys, "platform", "linux")
        assert nvidia.nvidia_gpus.__wrapped__() == count
    monkeypatch.setattr(nvidia.ctypes, "CDLL", lambda _: Driver())
    monkeypatch.setattr(choice, "nvidia_gpus", lambda: 2)
    for platform in ("win32", "darwin"):
        monkeypatch.setattr(choice.sys, "platform", platform)
        assert not choice.tensorflow_has_gpu()


WITHOUT_TENSORFLOW = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "tensorflow_addons"):
            raise ImportError(f"{name} must not be imported")
sys.meta_path.insert(0, Blocked())
from frame_booster.cli.main import main
main()
"""


def test_the_onnx_engine_runs_to_the_end_without_tensorflow(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs the extra `onnx`")
    pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")
    source = make_video(tmp_path / "in.mp4", tones=1)
    options = ["--engine", "onnx", "--provider", "cpu", "-m", "fbnet-2", "--json", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, str(source), "-o", str(tmp_path / "out.mp4"), *options],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, "FRAME_BOOSTER_CACHE": str(tmp_path / "cache")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout)
    assert (facts["engine"], facts["provider"], facts["device"]) == ("onnx", CPU, "/CPU:0")
    assert (facts["frames_in"], facts["frames_out"], facts["made"]) == (6, 12, 5)
    assert facts["precision"] == "float32"
    assert list((tmp_path / "cache" / "graphs").glob("*.onnx"))


def test_openvino_tells_its_maker_nothing(tmp_path: Path) -> None:
    """Its import sends an event over the network, and leaves files in the home folder."""
    pytest.importorskip("openvino")
    code = """
import socket, sys, threading
socket.socket.connect = socket.create_connection = lambda *_, **__: sys.exit("connected")
from frame_booster.engine.onnx.session import _import_openvino
assert _import_openvino().Core().available_devices
assert "openvino_telemetry" not in sys.modules
assert threading.active_count() == 1, threading.enumerate()
import openvino_telemetry
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


REPORTING = """
import numpy
from onnx import TensorProto, helper
from frame_booster.engine.onnx.providers import runtime
values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", values[:1], values[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
session = runtime().InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
session.run(None, {"x": numpy.zeros(1, "float32")})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the system collects events there")
@pytest.mark.parametrize("asked", [None, "1", "0"])
def test_onnx_runtime_tells_its_maker_nothing(tmp_path: Path, asked: str | None) -> None:
    """What it would send lies in a database below the user's cache folder first, beside a number for the machine."""
    pytest.importorskip("onnx", reason="needs the extra `onnx`")
    pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")
    # In a test environment it sends nothing of itself.
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment = {**kept, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    if asked is not None:
        environment["ORT_DISABLE_TELEMETRY"] = asked
    done = subprocess.run(
        [sys.executable, "-c", REPORTING], capture_output=True, text=True, timeout=100, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    if asked != "0":
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("asked", "loaded", "told"), [("1", False, 1), ("0", False, 0), ("1", True, 0)])
def test_events_are_switched_off_where_the_system_collects_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, loaded: bool, told: int
) -> None:
    """A program that has imported ONNX Runtime before has decided that for itself."""
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", asked)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    sys.modules.pop("onnxruntime")
    (tmp_path / "onnxruntime.py").write_text("called = []\ndef disable_telemetry_events():\n    called.append(1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    if loaded:
        importlib.import_module("onnxruntime")
    assert len(runtime().called) == told
