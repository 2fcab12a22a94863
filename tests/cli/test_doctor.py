"""`frame-booster doctor`: all engines and providers, and what `auto` takes, on any machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from frame_booster.cli import doctor
from frame_booster.cli.doctor import facts, lines_of
from frame_booster.cli.main import main
from frame_booster.engine import choice, cuda_toolkit, device, device_memory, nvidia, self_test
from frame_booster.engine.model import Model
from frame_booster.engine.onnx import providers
from frame_booster.engine.onnx.providers import PROVIDERS
from frame_booster.network.presets import DEFAULT
from tests.conftest import MeanModel


def test_every_engine_and_provider_is_told() -> None:
    lines = lines_of(facts("fbnet-2", test=False))
    assert any(line.startswith("--engine tensorflow: available") for line in lines)
    for provider in PROVIDERS.values():
        [line] = [line for line in lines if line.startswith(f"--engine onnx --provider {provider.short}: ")]
        assert ("not available" in line) == (provider.name not in providers.available())
    assert len([line for line in lines if line.startswith("--engine auto with ")]) == 2


def test_runtimes_that_overwrite_each_other_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    both = ["onnxruntime", "onnxruntime-gpu"]
    monkeypatch.setattr(providers, "installed_runtimes", lambda: both)
    assert "these packages overwrite each other: onnxruntime, onnxruntime-gpu; keep one of them" in lines_of(
        facts("fbnet-2", test=False)
    )


def test_it_is_a_command() -> None:
    assert set(main.commands) == {"boost", "compare", "doctor"}


def test_a_card_is_told_with_what_would_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = (nvidia.NvidiaGpu("NVIDIA H100", (9, 0), 80 << 30, "0"), nvidia.NvidiaGpu("GeForce", (6, 1), 8 << 30, "1"))
    monkeypatch.setattr(nvidia, "gpus", lambda: cards)
    monkeypatch.setattr(nvidia, "nvidia_gpus", lambda: 2)
    monkeypatch.setattr(nvidia, "driver_version", lambda: "550.54")
    monkeypatch.setattr(nvidia, "free_gpu_memory", lambda index: cards[index].memory - (1 << 30))
    monkeypatch.setattr(device_memory, "free_gpu_memory", lambda index: cards[index].memory - (1 << 30))
    monkeypatch.setattr(choice, "tensorflow_has_gpu", lambda: False)
    found = facts("fbnet-2", test=False)
    assert [(gpu["capability"], gpu["precision"]) for gpu in found["gpus"]] == [("9.0", "bfloat16"), ("6.1", "float32")]
    assert found["gpus"][0]["batches"] == {"1920x1080": 8, "3840x2160": 2}
    assert all(found["gpus"][1]["batches"].values()), "4K runs on a card of 8 GB"
    assert {"what": found["missing"][0]["what"], "command": 'pip install "frame-booster[cuda]"'} in found["missing"]
    lines = lines_of(facts("fbnet-2", test=False))
    assert any(line.startswith("gpu:0: NVIDIA H100, compute capability 9.0, 79.0 of 80.0 GiB free") for line in lines)
    assert any(
        'missing: TensorFlow does not find the CUDA libraries for the GPU (pip install "frame-booster[cuda]")' in x
        for x in lines
    )


@pytest.mark.parametrize(
    ("system", "accelerators", "command"),
    [
        ("linux", (), 'pip install "frame-booster[cuda]"'),
        ("win32", (), 'pip uninstall -y onnxruntime, then pip install "frame-booster[directml]"'),
        ("win32", (providers.DIRECTML,), None),
        ("darwin", (), 'pip install "frame-booster[onnx]"'),
        ("darwin", (providers.COREML,), None),
    ],
)
def test_what_a_card_lacks_is_what_can_be_installed_there(
    monkeypatch: pytest.MonkeyPatch, system: str, accelerators: tuple[str, ...], command: str | None
) -> None:
    """CUDA's packages have wheels for Linux alone."""
    found = {**facts("fbnet-2", test=False), "nvidia_gpus": 1, "tensorflow_gpu": False, "driver": "550.54"}
    monkeypatch.setattr(providers, "available", lambda: (*accelerators, providers.CPU))
    monkeypatch.setattr(providers, "installed_runtimes", lambda: ["onnxruntime"])
    monkeypatch.setattr(sys, "platform", system)
    assert [gap["command"] for gap in doctor._missing(found)] == ([] if command is None else [command])
    hint = device.no_such_gpu(0, 0).hint
    assert hint == f"use --device cpu, or {'--engine onnx' if command is None else command}"


def test_a_cache_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As that of a user without a home folder of its own, in a container."""
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path / "closed" / "cache"))
    (tmp_path / "closed").mkdir()
    assert f"{'cache folder':<24}{tmp_path / 'closed' / 'cache'}" in lines_of(facts("fbnet-2", test=False))
    access = os.access
    closed = tmp_path / "closed"
    monkeypatch.setattr(
        os, "access", lambda path, mode: not (path == closed and mode == os.W_OK) and access(path, mode)
    )
    [line] = [line for line in lines_of(facts("fbnet-2", test=False)) if line.startswith("cache folder")]
    assert "cannot be used: permission denied; set FRAME_BOOSTER_CACHE" in line


def test_libraries_of_cuda_without_a_driver_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container of the image for cards that was started without them."""
    monkeypatch.setattr(cuda_toolkit, "lacks_driver", lambda: True)
    monkeypatch.setattr(doctor, "_has_nvidia_card", lambda: False)
    monkeypatch.setattr(providers, "nvidia_gpus", lambda: 0)
    found = {**facts("fbnet-2", test=False), "driver": None, "nvidia_gpus": 0}
    [gap] = doctor._missing(found)
    assert (gap["what"], "--gpus all" in gap["command"]) == (
        "the CUDA libraries are installed, but no NVIDIA driver is found",
        True,
    )


@pytest.mark.parametrize("driver", [None, "550.54"])
def test_a_provider_for_cards_says_whether_a_driver_is_missing(
    monkeypatch: pytest.MonkeyPatch, driver: str | None
) -> None:
    monkeypatch.setattr(providers, "nvidia_gpus", lambda: 0)
    monkeypatch.setattr(providers, "driver_version", lambda: driver)
    hint = providers.install_hint(providers.provider_named("cuda"))
    assert hint == ("no NVIDIA driver is found" if driver is None else "the NVIDIA driver reports no GPU")


@pytest.mark.parametrize(("machine", "extra"), [("x86_64", "openvino"), ("arm64", "openvino"), ("ARM64", "onnx")])
def test_without_an_engine_the_one_to_install_has_a_release_for_the_machine(
    monkeypatch: pytest.MonkeyPatch, machine: str, extra: str
) -> None:
    found = {
        **facts("fbnet-2", test=False),
        "tensorflow": False,
        "providers": {"cpu": "not available"},
        "nvidia_gpus": 0,
    }
    monkeypatch.setattr(platform, "machine", lambda: machine)
    [gap] = doctor._missing(found)
    assert gap == {"what": "no engine is installed", "command": f'pip install "frame-booster[{extra}]"'}


@pytest.mark.parametrize("wrong", [False, True])
def test_a_frame_is_compared_with_the_stored_one(monkeypatch: pytest.MonkeyPatch, wrong: bool) -> None:
    model = MeanModel()
    means = self_test.block_means(model)
    stored = {"mean": (means + 40.0 * wrong).tolist()}
    monkeypatch.setattr(self_test.json, "loads", lambda text: stored)
    monkeypatch.setattr(choice, "load_network", lambda name: model)
    found = facts("fbnet-2", test=True)
    assert found["test"]["passed"] != wrong
    assert any(gap["what"].startswith("the test frame differs") for gap in found["missing"]) == wrong


def test_an_engine_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> None:
        raise RuntimeError("no kernel image is available\nfor execution")

    monkeypatch.setattr(choice, "load_network", load)
    assert facts("fbnet-2", test=True)["test"] == {
        "passed": False,
        "error": "RuntimeError: no kernel image is available",
    }


def test_the_default_network_makes_the_stored_frame() -> None:
    apart = self_test.difference(Model(DEFAULT, device="cpu", precision="float32"))
    assert apart is not None
    assert apart < 0.1


def test_json_has_what_the_lines_have() -> None:
    found = json.loads(json.dumps(facts("fbnet-2", test=False)))
    assert {"python", "tensorflow_cuda", "driver", "gpus", "encoders", "auto", "missing"} <= set(found)
    assert found["encoders"]["libx264"]


def test_encoders_in_hardware_are_told_only_where_they_work(monkeypatch: pytest.MonkeyPatch) -> None:
    from frame_booster.media.output import encoders, hardware

    monkeypatch.setattr(encoders, "available_encoders", lambda: ["libx264", "h264_nvenc", "hevc_nvenc"])
    monkeypatch.setattr(hardware, "works", lambda name, pix_fmt, size: name == "hevc_nvenc")
    found = facts(DEFAULT, test=False)["encoders"]
    assert (found["libx264"], found["h264_nvenc"], found["hevc_nvenc"], found["av1_nvenc"]) == (
        True,
        False,
        True,
        False,
    )


def test_a_reader_that_wants_no_more_lines_is_no_fault() -> None:
    """As `frame-booster doctor | head -1`: nothing is said of it."""
    command = [sys.executable, "-m", "frame_booster", "doctor", "--no-test"]
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("text", "told"), [("", "ValueError"), ("no\nmore", "ValueError: no")])
def test_whatever_an_engine_raises_is_told(monkeypatch: pytest.MonkeyPatch, text: str, told: str) -> None:
    def load(name: str) -> None:
        raise ValueError(text)

    monkeypatch.setattr(choice, "load_network", load)
    assert facts("fbnet-2", test=True)["test"] == {"passed": False, "error": told}


@pytest.mark.parametrize(
    ("lacking", "what", "command"),
    [
        ({"driver": None}, "this machine has an NVIDIA GPU, but no NVIDIA driver", cuda_toolkit.DRIVER),
        (
            {"nvidia_gpus": 1, "tensorflow_gpu": True, "libdevice": False},
            "XLA, TensorFlow's compiler, does not find CUDA's libdevice",
            'pip install "frame-booster[cuda]"',
        ),
        ({"encoders": {}}, "PyAV was built without libx264", "pip install --force-reinstall av"),
    ],
)
def test_each_thing_that_is_missing_is_told_with_what_mends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lacking: dict[str, Any], what: str, command: str
) -> None:
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "vendor").write_text("0x10de\n")
    monkeypatch.setattr(doctor, "_PCI", tmp_path)
    monkeypatch.setattr(cuda_toolkit, "lacks_driver", lambda: False)
    here = {"tensorflow": True, "runtimes": ["onnxruntime"], "encoders": {"libx264": True}}
    whole = {**facts(DEFAULT, test=False), **here, "driver": "550.54", "nvidia_gpus": 0, "gpus": []}
    assert doctor._missing(whole) == []
    assert doctor._missing({**whole, **lacking}) == [{"what": what, "command": command}]
    assert f"missing: {what} ({command})" in lines_of({**whole, "missing": doctor._missing({**whole, **lacking})})


def test_what_a_card_is_used_for_is_told_with_what_it_costs() -> None:
    card = {"name": "card", "capability": "12.0", "memory": 8 << 30, "free": None, "precision": "bfloat16"}
    card |= {"batches": {"1920x1080": 3, "3840x2160": 0}, "built_for": False, "cudnn": True}
    told = lines_of({**facts(DEFAULT, test=False), "gpus": [card]})
    assert "gpu:0: card, compute capability 12.0, unknown of 8.0 GiB free" in told
    assert any(line.endswith("batch size: 3 at 1920x1080, strips of 1 at 3840x2160") for line in told)
    assert any(line.startswith("gpu:0: TensorFlow has kernels for older GPUs only: ") for line in told)
    for line in lines_of({**facts(DEFAULT, test=False), "gpus": [{**card, "built_for": True}]}):
        assert "older GPUs only" not in line


@pytest.mark.parametrize("passed", [True, False])
def test_the_test_is_told_as_what_it_was(passed: bool) -> None:
    test = {"passed": passed, "engine": "onnx", "device": "cpu", "precision": "float32", "seconds": 1.5}
    [line] = [x for x in lines_of({**facts(DEFAULT, test=False), "test": {**test, "difference": 2.5}}) if "test: " in x]
    verdict = "passed" if passed else "failed"
    where = "onnx on cpu, float32, in 1.5 s"
    assert line == f"test: {verdict}: a frame with {where}, 2.50 code values from the stored frame"


def test_the_command_hands_on_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def told(model: str, *, test: bool) -> dict[str, Any]:
        asked.append((model, test))
        return {"model": model, "missing": []}

    monkeypatch.setattr(doctor, "facts", told)
    monkeypatch.setattr(doctor, "lines_of", lambda found: [f"all about {found['model']}"])
    monkeypatch.setattr("frame_booster.cli.errors.take_signals", lambda: None)
    monkeypatch.setattr("frame_booster.cli.errors._silence_libraries", lambda: None)
    assert CliRunner().invoke(main, ["doctor"]).stdout == f"all about {DEFAULT}\n"
    done = CliRunner().invoke(main, ["doctor", "--model", "fbnet", "--no-test", "--json"])
    assert json.loads(done.stdout) == {"model": "fbnet", "missing": []}
    assert asked == [(DEFAULT, True), ("fbnet", False)]
