"""What an engine is known to cost, and a GPU that TensorFlow has only with its own cuDNN."""

from __future__ import annotations

import pytest

from frame_booster.engine import choice
from frame_booster.engine.choice import ONNX_COSTS, TENSORFLOW_COSTS, Work, usual_cost
from frame_booster.engine.nvidia import NvidiaGpu
from frame_booster.engine.onnx.providers import CPU, OPENVINO
from frame_booster.network.presets import DEFAULT
from tests.engine.test_choice import HD, Machine, chosen


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_float32_that_is_asked_for_is_weighed_by_its_own_cost(machine: Machine) -> None:
    machine.has(CPU, OPENVINO, bfloat16=True)
    between = Work(HD, 60)
    assert chosen(work=between, precision="float32") == "onnx"
    assert ONNX_COSTS[OPENVINO, "float32"].seconds(between) > TENSORFLOW_COSTS["bfloat16"].seconds(between)


def test_costs_are_known_of_the_default_network_on_a_processor(machine: Machine) -> None:
    machine.has(CPU, gpu=True)
    assert usual_cost("tensorflow", DEFAULT, "auto", "auto", "auto") is None, "it runs on the GPU"
    assert usual_cost("tensorflow", DEFAULT, "gpu", "auto", "auto") is None
    assert usual_cost("tensorflow", DEFAULT, "cpu", "auto", "auto") == TENSORFLOW_COSTS["float32"]
    machine.has(CPU, bfloat16=True)
    assert usual_cost("tensorflow", DEFAULT, "auto", "auto", "auto") == TENSORFLOW_COSTS["bfloat16"]
    assert usual_cost("tensorflow", DEFAULT, "auto", "float32", "auto") == TENSORFLOW_COSTS["float32"]
    assert usual_cost("onnx", DEFAULT, "auto", "auto", "auto") == ONNX_COSTS[CPU, "float32"]
    assert [usual_cost(engine, "fbnet", "cpu", "auto", "auto") for engine in ("tensorflow", "onnx")] == [None, None]


def test_names_of_devices_may_be_written_in_capitals(machine: Machine) -> None:
    """As `device_parts` takes them."""
    machine.has(CPU, OPENVINO, gpu=True)
    assert chosen(work=Work(HD, 1), device="CPU") == chosen(work=Work(HD, 1), device="cpu") == "onnx"
    assert usual_cost("tensorflow", DEFAULT, "CPU", "auto", "auto") == TENSORFLOW_COSTS["float32"]
    assert usual_cost("tensorflow", DEFAULT, "AUTO", "auto", "auto") is None
    assert usual_cost("tensorflow", DEFAULT, "GPU:1", "auto", "auto") is None


@pytest.mark.parametrize(("packaged", "wanted", "usable"), [(8, 8, True), (9, 9, True), (9, 8, False), (8, 9, False)])
def test_tensorflow_has_no_gpu_with_another_cudnn(
    monkeypatch: pytest.MonkeyPatch, packaged: int, wanted: int, usable: bool
) -> None:
    card = NvidiaGpu("a card", (8, 9), 24 << 30, "00000000:01:00.0")
    facts = {"nvidia_gpus": 1, "gpus": (card,), "packaged_cudnn": (packaged, 1), "wanted_cudnn": wanted}
    for name, value in {**facts, "has_tensorflow": True}.items():
        monkeypatch.setattr(choice, name, lambda value=value: value)
    monkeypatch.setattr(choice.sys, "platform", "linux")
    assert choice.tensorflow_has_gpu() == usable
