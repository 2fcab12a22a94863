"""Cards before Turing, which cuDNN from 9.11 on has no kernels for: not taken unasked, and told what to do for."""

from __future__ import annotations

import importlib.metadata

import pytest
import tensorflow as tf

from frame_booster.cli.doctor import facts
from frame_booster.engine import choice, cuda_toolkit, device, device_failure, expected, nvidia
from frame_booster.engine.choice import choose_engine, tensorflow_has_gpu
from frame_booster.engine.cuda_toolkit import CUDNN, cudnn_lacks, first_usable
from frame_booster.engine.device import choose_device
from frame_booster.engine.expected import expected_network
from frame_booster.engine.nvidia import NvidiaGpu
from frame_booster.engine.onnx import providers

VOLTA, TURING = NvidiaGpu("Tesla V100", (7, 0), 16 << 30, "0"), NvidiaGpu("Tesla T4", (7, 5), 16 << 30, "1")
COMMAND = 'pip install "nvidia-cudnn-cu12<9.11"'


def have(monkeypatch: pytest.MonkeyPatch, cudnn: str | None, *cards: NvidiaGpu, tensorflow: str = "2.21.0") -> None:
    """A Linux machine with these cards and releases."""
    version = importlib.metadata.version

    def told(package: str) -> str:
        if package == CUDNN and cudnn is None:
            raise importlib.metadata.PackageNotFoundError(package)
        return {CUDNN: cudnn or "", "tensorflow": tensorflow}.get(package) or version(package)

    monkeypatch.setattr(importlib.metadata, "version", told)
    monkeypatch.setattr(choice.sys, "platform", "linux")
    monkeypatch.setattr(choice, "has_tensorflow", lambda: True)
    for module in (nvidia, choice, expected):
        monkeypatch.setattr(module, "nvidia_gpus", lambda: len(cards))
    for module in (nvidia, choice, expected, device_failure, providers):
        monkeypatch.setattr(module, "gpus", lambda: cards)
    monkeypatch.setattr(device, "compute_capability", lambda name: cards[int(name[-1])].capability)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(cards) if kind == "GPU" else [])


@pytest.mark.parametrize(
    ("cudnn", "tensorflow", "lacking"),
    [
        ("9.28.0.42", "2.21.0", [(5, 2), (6, 1), (7, 0)]),
        ("9.11.0.98", "2.18.1", [(5, 2), (6, 1), (7, 0)]),
        ("9.10.2.21", "2.21.0", []),
        ("8.9.4.25", "2.15.1", []),
        # Not the one that this TensorFlow takes.
        ("9.28.0.42", "2.15.1", []),
        (None, "2.21.0", []),
    ],
)
def test_their_kernels_end_with_cudnn_9_10(
    monkeypatch: pytest.MonkeyPatch, cudnn: str | None, tensorflow: str, lacking: list[tuple[int, int]]
) -> None:
    have(monkeypatch, cudnn, tensorflow=tensorflow)
    cards = [(5, 2), (6, 1), (7, 0), (7, 5), (8, 6), (12, 0), None]
    assert [card for card in cards if cudnn_lacks(card)] == lacking
    assert first_usable(cards) == len(lacking)
    assert first_usable([(7, 0)]) == (None if lacking else 0)


@pytest.mark.parametrize(
    ("cards", "cudnn", "taken"),
    [
        ((VOLTA,), "9.28.0.42", "/CPU:0"),
        ((VOLTA,), "9.10.2.21", "/GPU:0"),
        ((VOLTA, TURING), "9.28.0.42", "/GPU:1"),
        ((TURING, VOLTA), "9.28.0.42", "/GPU:0"),
    ],
)
def test_auto_takes_none_that_is_without_kernels(
    monkeypatch: pytest.MonkeyPatch, cards: tuple[NvidiaGpu, ...], cudnn: str, taken: str
) -> None:
    have(monkeypatch, cudnn, *cards)
    assert tensorflow_has_gpu() == ("GPU" in taken)
    assert choose_device("auto") == taken
    assert expected_network("tensorflow", "fbnet-2", "auto", "auto", "auto").device == taken, "as a dry run has it"
    assert choose_device("gpu") == "/GPU:0", "asked for by name it is tried"


def test_auto_takes_another_engine_that_has_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    directml = providers.PROVIDERS[providers.DIRECTML]
    monkeypatch.setattr(providers, "choose_provider", lambda name, device: (directml, "/GPU:0"))
    asked = {"model": "fbnet-2", "device": "auto", "precision": "auto", "provider": "auto"}
    for card, engine in ((VOLTA, "onnx"), (TURING, "tensorflow")):
        have(monkeypatch, "9.28.0.42", card)
        assert choose_engine("auto", **asked) == engine


@pytest.mark.parametrize(
    "text",
    [
        "DNN library initialization failed. Look at the errors above",
        "Failed to determine best cudnn convolution algorithm: INTERNAL",
        "No algorithm worked!  Error messages:",
        "no kernel image is available for execution on the device",
    ],
)
def test_a_failure_is_told_with_the_release_that_has_kernels(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    have(monkeypatch, "9.28.0.42", TURING, VOLTA)
    error = tf.errors.InternalError(None, None, text)
    failure = device_failure.device_failure("/GPU:1", error)
    assert COMMAND in str(failure)
    assert "frame-booster[cuda]" not in str(failure), "it would bring the same again"
    assert COMMAND not in str(device_failure.device_failure("/GPU:0", error)), "this card has kernels"
    other = tf.errors.InternalError(None, None, "libdevice not found at ./libdevice.10.bc")
    assert COMMAND not in str(device_failure.device_failure("/GPU:1", other))


def test_doctor_tells_what_brings_their_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    for cards, older in (((VOLTA,), "gpu:0"), ((TURING, VOLTA), "gpu:1"), ((TURING,), None)):
        have(monkeypatch, "9.28.0.42", *cards)
        gaps = facts("fbnet-2", test=False)["missing"]
        told = [gap for gap in gaps if gap["command"] == COMMAND]
        assert len(told) == (older is not None)
        assert all("before Turing" in gap["what"] and gap["what"].endswith(f"as {older}") for gap in told)
        assert not [gap for gap in gaps if "does not find the CUDA libraries" in gap["what"]], "they are there"
    assert cuda_toolkit.CUDNN_OF_ALL_CARDS == COMMAND


@pytest.mark.parametrize(("card", "taken"), [(VOLTA, providers.CPU), (TURING, providers.CUDA)])
def test_onnx_runtime_takes_the_same_cudnn(monkeypatch: pytest.MonkeyPatch, card: NvidiaGpu, taken: str) -> None:
    have(monkeypatch, "9.28.0.42", card)
    monkeypatch.setattr(providers, "installed_runtimes", lambda: ["onnxruntime-gpu"])
    monkeypatch.setattr(providers, "available", lambda: (providers.CUDA, providers.CPU))
    assert providers.choose_provider("auto", "auto")[0].name == taken
    assert providers.choose_provider("auto", "gpu")[0].name == providers.CUDA, "asked for, it is tried"
