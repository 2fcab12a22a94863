"""`frame-booster doctor`: all engines and providers, and what `auto` takes, on any machine."""

from __future__ import annotations

import pytest

from frame_booster.cli.doctor import report
from frame_booster.cli.main import main
from frame_booster.engine.onnx import providers
from frame_booster.engine.onnx.providers import PROVIDERS


def test_every_engine_and_provider_is_told() -> None:
    lines = report("fbnet-2")
    assert any(line.startswith("--engine tensorflow: here") for line in lines)
    for provider in PROVIDERS.values():
        [line] = [line for line in lines if line.startswith(f"--engine onnx --provider {provider.short}: ")]
        assert ("not here" in line) == (provider.name not in providers.available())
    assert len([line for line in lines if line.startswith("auto takes for ")]) == 2


def test_runtimes_that_overwrite_each_other_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    both = ["onnxruntime", "onnxruntime-gpu"]
    monkeypatch.setattr(providers, "installed_runtimes", lambda: both)
    assert "these overwrite each other: onnxruntime, onnxruntime-gpu; keep one of them" in report("fbnet-2")


def test_it_is_a_command() -> None:
    assert set(main.commands) == {"boost", "compare", "doctor"}
