"""What is asked for when a network is loaded reaches the engine under its own name."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from frame_booster.engine import interpolator
from frame_booster.engine import model as tensorflow_model
from frame_booster.engine.choice import load_network
from frame_booster.engine.interpolator import load_model
from frame_booster.engine.onnx import model as onnx_model

ASKED: dict[str, Any] = {
    "weights": Path("w.safetensors"),
    "device": "cpu",
    "precision": "bfloat16",
    "threads": 3,
    "device_memory": 5 << 30,
    "cache": False,
}


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Each network that is loaded: the name of its class, and its arguments by theirs."""
    seen: list[tuple[str, dict[str, Any]]] = []
    for kind in (tensorflow_model.Model, onnx_model.OnnxModel):
        signature = inspect.signature(kind)

        def load(*given: Any, signature: Any = signature, kind: type = kind, **named: Any) -> None:
            seen.append((kind.__name__, dict(signature.bind(*given, **named).arguments)))

        monkeypatch.setattr(inspect.getmodule(kind), kind.__name__, load)
    return seen


def test_both_engines_are_told_all_that_they_take(loaded: list[tuple[str, dict[str, Any]]]) -> None:
    load_network("fbnet-2", engine="tensorflow", **ASKED)
    load_network("fbnet-2", engine="onnx", provider="openvino", **ASKED)
    assert loaded == [
        ("Model", {"name": "fbnet-2", **ASKED}),
        ("OnnxModel", {"name": "fbnet-2", "provider": "openvino", **ASKED}),
    ]


def test_the_python_interface_hands_on_each_text(
    loaded: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_model("fbnet", "w.safetensors", "gpu:1", "float16", "onnx", "cuda")
    [(kind, given)] = loaded
    assert kind == "OnnxModel"
    expected = {"weights": "w.safetensors", "device": "gpu:1", "precision": "float16", "provider": "cuda"}
    assert {name: given[name] for name in expected} == expected
    assert given["name"] == "fbnet"
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(interpolator, "load_network", lambda **named: asked.append(named))
    load_model(device="cpu", engine="tensorflow")
    assert asked == [
        {
            "name": "fbnet-2",
            "weights": None,
            "device": "cpu",
            "precision": "auto",
            "engine": "tensorflow",
            "provider": "auto",
        }
    ]
