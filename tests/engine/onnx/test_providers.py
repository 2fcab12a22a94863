"""Which providers count as here: what a wheel has been built with is not all that runs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from frame_booster.engine.onnx import providers
from frame_booster.engine.onnx.providers import CPU, CUDA, DIRECTML, OPENVINO, TENSORRT


@pytest.mark.parametrize(
    ("built", "cards", "openvino", "here"),
    [
        ([TENSORRT, CUDA, CPU], 1, False, (CUDA, CPU, TENSORRT)),
        ([TENSORRT, CUDA, CPU], 0, False, (CPU,)),
        ([CPU], 1, True, (OPENVINO, CPU)),
        ([OPENVINO, CPU], 0, False, (CPU,)),
        ([DIRECTML, CPU], 0, True, (DIRECTML, OPENVINO, CPU)),
        (None, 0, True, (OPENVINO,)),
        (None, 1, False, ()),
        (["AzureExecutionProvider", CPU], 0, False, (CPU,)),
    ],
)
def test_a_provider_is_here_with_what_it_runs_on(
    monkeypatch: pytest.MonkeyPatch, built: list[str] | None, cards: int, openvino: bool, here: tuple[str, ...]
) -> None:
    """OpenVINO's by its own package alone, whatever ONNX Runtime was built with; None: there is no ONNX Runtime."""
    for name, value in {
        "has_onnx_runtime": built is not None,
        "has_openvino": openvino,
        "nvidia_gpus": cards,
        "runtime": SimpleNamespace(get_available_providers=lambda: built),
    }.items():
        monkeypatch.setattr(providers, name, lambda value=value: value)
    assert providers.available.__wrapped__() == here
