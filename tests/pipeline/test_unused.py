"""Options that mean nothing to a run, and a GPU that it does not take, are warned of."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from frame_booster.engine import cuda_toolkit, expected
from frame_booster.engine.device import no_such_gpu
from frame_booster.errors import InputError
from frame_booster.options import BoostOptions, InputOptions
from frame_booster.pipeline.forecast import forecast
from frame_booster.pipeline.keywords import options_of
from frame_booster.pipeline.settings import check_steps
from frame_booster.pipeline.unused import unused_hardware, unused_options
from tests.conftest import boosted, make_video


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_video(tmp_path / "in.mp4", pts=range(6), size=(32, 32))


@pytest.mark.parametrize(
    ("options", "flag"),
    [({"segment": 30}, "--segment"), ({"shutter_samples": 4}, "--shutter-samples")],
)
def test_an_option_without_effect_is_warned_of(
    source: Path, tmp_path: Path, options: dict[str, Any], flag: str
) -> None:
    planned = forecast(str(source), str(tmp_path / "out.mkv"), options_of(options))
    made = boosted(source, tmp_path / "out.mkv", **options)
    for warnings in (planned.warnings, made.warnings):
        assert [text for text in warnings if text.startswith(f"{flag} has no effect")]


def test_an_option_with_its_like_is_not_warned_of() -> None:
    assert unused_options(BoostOptions()) == []
    assert unused_options(BoostOptions(segment=Fraction(30), resume=True)) == []
    assert unused_options(BoostOptions(shutter=Fraction(180), shutter_samples=4)) == []


def test_a_card_that_is_not_taken_is_warned_of(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "nvidia_gpus", lambda: 1)
    limited = {"max_device_memory": "4G"}
    told = boosted(source, tmp_path / "out.mkv", **limited).warnings
    assert any("frame-booster doctor" in text for text in told)
    assert any(text.startswith("--max-device-memory has no effect") for text in told)
    for quiet in ({"device": "cpu"}, {"provider": "openvino"}):
        assert unused_hardware(BoostOptions(**quiet), "/CPU:0") == []
    assert unused_hardware(options_of(limited), "/CPU:0,/GPU:0") == []
    monkeypatch.setattr(expected, "nvidia_gpus", lambda: 0)
    assert unused_hardware(BoostOptions(), "/CPU:0") == []


def test_an_installation_for_cards_without_a_driver_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container of the image for cards that was started without them."""
    monkeypatch.setattr(cuda_toolkit, "packaged_cudnn", lambda: (9, 10))
    monkeypatch.setattr(cuda_toolkit, "driver_version", lambda: None)
    monkeypatch.setattr(cuda_toolkit, "nvidia_gpus", lambda: 0)
    [told] = unused_hardware(BoostOptions(), "/CPU:0")
    assert "no NVIDIA driver is found" in told
    assert "--gpus all" in told
    assert unused_hardware(BoostOptions(device="cpu"), "/CPU:0") == []
    assert str(no_such_gpu(0, 0)).startswith("no NVIDIA driver is found (start a container with --gpus all")
    for name, value in (("packaged_cudnn", None), ("driver_version", "550.54"), ("nvidia_gpus", 1)):
        with monkeypatch.context() as one:
            one.setattr(cuda_toolkit, name, lambda value=value: value)
            assert unused_hardware(BoostOptions(), "/CPU:0") == []
            assert "TensorFlow finds no GPU" in str(no_such_gpu(0, 0))


@pytest.mark.parametrize(("fps", "refused"), [(400, False), (401, True), (1000, True)])
def test_a_network_of_sixteenths_makes_no_more_than_sixteen_of_one(fps: int, refused: bool) -> None:
    options = BoostOptions(model="fbnet", fps=Fraction(fps))
    check_steps(BoostOptions(fps=Fraction(fps)), Fraction(25))
    check_steps(options, None)
    if not refused:
        check_steps(options, Fraction(25))
        return
    with pytest.raises(InputError, match="at most 16 frames from one"):
        check_steps(options, Fraction(25))
    with pytest.raises(InputError, match="at most 16 frames from one"):
        check_steps(BoostOptions(model="fbnet", fps=Fraction(201), slow_motion=Fraction(2)), Fraction(25))


@pytest.mark.parametrize("size", ["64x48x3", "64", "64x", "0x48", "64x48 ", "6_4x48", ""])
def test_what_is_no_size_is_refused(size: str) -> None:
    assert InputOptions(size="64x48").size == "64x48"
    with pytest.raises(InputError, match="is not WIDTHxHEIGHT"):
        InputOptions(size=size)
