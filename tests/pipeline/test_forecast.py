"""A dry run refuses what the run would refuse when it loads its network or plans its work, and imports no engine."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from frame_booster.engine import choice, expected
from frame_booster.engine.memory_plan import make_plan
from frame_booster.engine.nvidia import NvidiaGpu
from frame_booster.engine.onnx import providers
from frame_booster.errors import FrameBoosterError
from frame_booster.pipeline import forecast as forecasting
from frame_booster.pipeline.boost import boost
from frame_booster.pipeline.forecast import forecast
from frame_booster.pipeline.keywords import options_of
from tests.conftest import make_video


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (expected, choice, providers):
        monkeypatch.setattr(module, "nvidia_gpus", lambda: 0)
    monkeypatch.setattr(expected, "gpus", lambda: ())
    monkeypatch.setattr(providers, "available", lambda: (providers.CPU,))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_video(tmp_path / "in.mp4", pts=range(8), size=(64, 64))


@pytest.mark.parametrize(
    "options",
    [
        {"device": "nonsense"},
        {"device": "cpu:1", "engine": "tensorflow"},
        {"device": "gpu", "engine": "tensorflow"},
        {"device": "cpu,gpu:1", "engine": "tensorflow"},
        {"device": "gpu", "engine": "onnx"},
        {"provider": "nonsense"},
        {"provider": "cuda"},
        {"provider": "cpu", "device": "gpu"},
        {"precision": "nonsense"},
        {"precision": "float16", "engine": "onnx"},
        {"model": "fbnet", "flow_scale": Fraction(1, 2)},
        {"flow_scale": Fraction(1, 3)},
        {"max_memory": "10M"},
        {"mask": "mask.png"},
        {"model": "fbnet", "fps": 1000, "engine": "tensorflow"},
    ],
)
@pytest.mark.usefixtures("no_card")
def test_what_the_run_refuses_the_dry_run_refuses_in_the_same_words(
    source: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    if "mask" in options:
        options = {"mask": tmp_path / "mask.png"}
        Image.new("L", (48, 20)).save(options["mask"])
    with pytest.raises(FrameBoosterError) as raised:
        boost(source, tmp_path / "out.mkv", **options)
    found = forecast(str(source), str(tmp_path / "out.mkv"), options_of(options))
    assert (found.outcome, found.exit_code, found.error) == ("refused", raised.value.exit_code, str(raised.value))


@pytest.mark.parametrize(
    "options", [{}, {"device": "cpu,cpu"}, {"max_memory": "4G"}, {"precision": "float32", "engine": "tensorflow"}]
)
@pytest.mark.usefixtures("no_card")
def test_what_the_run_takes_is_planned(source: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    found = forecast(str(source), str(tmp_path / "out.mkv"), options_of(options))
    assert (found.outcome, found.error) == ("planned", None)


def test_a_card_is_told_of_without_its_engine(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "gpus", lambda: (NvidiaGpu("NVIDIA H100", (9, 0), 80 << 30, "0"),))
    monkeypatch.setattr(expected, "nvidia_gpus", lambda: 1)
    monkeypatch.setattr(expected, "tensorflow_has_gpu", lambda: True)
    planned: list[Any] = []

    def noted(layout: Any, network: Any, **more: Any) -> Any:
        planned.append(network)
        return make_plan(layout, network, **more)

    monkeypatch.setattr(forecasting, "make_plan", noted)
    options = options_of({"engine": "tensorflow", "device": "auto,gpu:0"})
    assert forecast(str(source), str(tmp_path / "out.mkv"), options).outcome == "planned"
    assert [(network.device, network.precision) for network in planned] == [("/GPU:0", "bfloat16")] * 2
    refused = forecast(str(source), str(tmp_path / "out.mkv"), options_of({"engine": "tensorflow", "device": "gpu:1"}))
    assert "there is no GPU number 1: TensorFlow finds 1" in str(refused.error)


def test_no_engine_is_imported(source: Path) -> None:
    script = (
        "import sys\nfrom frame_booster.cli.main import main\n"
        "try: main([*sys.argv[1:], '--dry-run', '--engine', 'tensorflow', '--device', 'cpu'])\n"
        "except SystemExit as end: assert not end.code\n"
        "print([name for name in ('tensorflow', 'openvino', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(source)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
