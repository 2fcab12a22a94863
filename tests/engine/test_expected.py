"""A network as it would be loaded, on machines that are simulated: the card that was named, and its memory."""

from __future__ import annotations

import pytest

from frame_booster.engine import choice, expected
from frame_booster.engine.expected import expected_network
from frame_booster.engine.memory_plan import BASE_BYTES, ONNX_BASE_BYTES
from frame_booster.engine.nvidia import NvidiaGpu
from frame_booster.engine.onnx import providers
from frame_booster.engine.onnx.providers import CPU, CUDA, DIRECTML
from frame_booster.errors import ModelError

CARDS = (NvidiaGpu("old", (7, 5), 8 << 30, "0"), NvidiaGpu("new", (9, 0), 80 << 30, "1"))


@pytest.fixture(autouse=True)
def two_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (expected, choice, providers):
        monkeypatch.setattr(module, "nvidia_gpus", lambda: 2)
        monkeypatch.setattr(module, "gpus", lambda: CARDS)
    monkeypatch.setattr(expected, "tensorflow_has_gpu", lambda: True)
    monkeypatch.setattr(expected, "room_of", lambda index, limit: (index, limit))


@pytest.mark.parametrize(
    ("device", "index", "precision"), [("auto", 0, "float16"), ("gpu", 0, "float16"), ("gpu:1", 1, "bfloat16")]
)
def test_tensorflow_has_the_precision_and_the_memory_of_the_card(device: str, index: int, precision: str) -> None:
    found = expected_network("tensorflow", "fbnet-2", device, "auto", "auto", 7)
    assert (found.device, found.precision, found.base_bytes) == (f"/GPU:{index}", precision, BASE_BYTES)
    assert found.device_room == (index, 7)
    assert expected_network("tensorflow", "fbnet-2", device, "float32", "auto").precision == "float32"
    with pytest.raises(ModelError, match="no GPU number 2: TensorFlow finds 2"):
        expected_network("tensorflow", "fbnet-2", "gpu:2", "auto", "auto")


@pytest.mark.parametrize(
    ("provider", "device", "place", "room"),
    [
        (CUDA, "gpu:1", "/GPU:1", (1, None)),
        # Its cards are not counted as CUDA counts them, and need not be NVIDIA's.
        (DIRECTML, "gpu:1", "/GPU:1", None),
        (CPU, "auto", "/CPU:0", None),
    ],
)
def test_onnx_runtime_has_the_memory_of_a_card_that_cuda_counts(
    monkeypatch: pytest.MonkeyPatch, provider: str, device: str, place: str, room: tuple[int, None] | None
) -> None:
    monkeypatch.setattr(providers, "available", lambda: (provider,))
    found = expected_network("onnx", "fbnet-2", device, "auto", "auto")
    assert (found.device, found.device_room, found.base_bytes) == (place, room, ONNX_BASE_BYTES)
