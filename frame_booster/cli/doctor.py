"""`frame-booster doctor`: which engines and devices work, which a run would use, and how to install what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import click

from frame_booster._version import __version__
from frame_booster.cli.errors import reported
from frame_booster.cli.grouped import COMMON, GroupedCommand, option
from frame_booster.network.presets import DEFAULT, PRESETS, Preset

_PACKAGES = ("tensorflow", "openvino", "onnx", "av", "numpy")
_SIZES = {"1920x1080": (1920, 1080), "3840x2160": (3840, 2160)}
_ENCODERS = ("libx264", "libx265", "libsvtav1", "h264_nvenc", "hevc_nvenc", "av1_nvenc")
_PCI = Path("/sys/bus/pci/devices")
_NVIDIA = "0x10de"
"""NVIDIA's number among makers of PCI cards."""


@click.command(cls=GroupedCommand)
@option(
    COMMON,
    "-m",
    "--model",
    type=click.Choice(list(PRESETS)),
    default=DEFAULT,
    help="Network for which auto is shown, and which the test uses.",
    example=f"--model {[*PRESETS][1]}",
)
@option(COMMON, "--json", "as_json", is_flag=True, help="Print JSON on standard output instead of lines.")
@option(COMMON, "--no-test", is_flag=True, help="Do not compute a test frame.")
def doctor(model: str, as_json: bool, no_test: bool) -> None:
    """Shows which engines and devices work, which of them a run would use, and how to install what is missing."""
    with reported(as_json=as_json):
        found = facts(model, test=not no_test)
        if as_json:
            click.echo(json.dumps(found, indent=2))
            return
        for line in lines_of(found):
            click.echo(line)


def facts(model: str, *, test: bool) -> dict[str, Any]:
    """Returns all that the report tells, in the order in which it matters.

    Args:
      model: name of the network that `auto` is asked about.
      test: whether a frame is made.
    """
    from frame_booster.engine import choice, cuda_toolkit
    from frame_booster.engine.files_on_disk import cache_folder
    from frame_booster.engine.nvidia import driver_version, nvidia_gpus
    from frame_booster.engine.onnx import providers

    runtimes = providers.installed_runtimes()
    found: dict[str, Any] = {
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor_threads": os.cpu_count(),
        "packages": {name: _version(name) for name in (*_PACKAGES, *(runtimes or providers.RUNTIMES[:1]))},
        "runtimes": runtimes,
        "tensorflow": choice.has_tensorflow(),
        "tensorflow_cuda": cuda_toolkit.tensorflow_build().cuda,
        "libdevice": cuda_toolkit.libdevice_is_found() or cuda_toolkit.toolkit_elsewhere() is not None,
        "tensorflow_gpu": choice.tensorflow_has_gpu(),
        "driver": driver_version(),
        "nvidia_gpus": nvidia_gpus(),
        "gpus": _gpus(PRESETS[model]),
        "providers": {
            provider.short: None if provider.name in providers.available() else providers.install_hint(provider)
            for provider in providers.PROVIDERS.values()
        },
        "encoders": _encoders(),
        "cache": str(cache_folder()),
        "cache_refused": _refused(cache_folder()),
        "model": model,
        "auto": {what: _auto(model, work) for what, work in _works().items()},
    }
    if test:
        found["test"] = _tested(model)
    found["missing"] = _missing(found)
    return found


def _works() -> dict[str, Any]:
    from frame_booster.engine.choice import Work

    return {"36 frames of 1280x720": Work(1280 * 720, 36), "a long run": None}


def _auto(model: str, work: Any) -> str:
    from frame_booster.engine import choice
    from frame_booster.engine.onnx import providers
    from frame_booster.errors import FrameBoosterError

    try:
        engine = choice.choose_engine("auto", model=model, device="auto", precision="auto", provider="auto", work=work)
        if engine == "onnx":
            provider, device = providers.choose_provider("auto", "auto")
            precision = providers.choose_precision("auto", provider, PRESETS[model])
            engine = f"onnx, {provider.name} on {device}, {precision}"
    except FrameBoosterError as error:
        engine = str(error)
    return engine


def _gpus(preset: Preset) -> list[dict[str, Any]]:
    """Returns NVIDIA's GPUs, and how a run by TensorFlow would use each."""
    from frame_booster.engine.cuda_toolkit import cudnn_lacks, tensorflow_build
    from frame_booster.engine.device import gpu_precision
    from frame_booster.engine.device_memory import pairs_at_once, room_of
    from frame_booster.engine.memory_plan import default_flow_downscale
    from frame_booster.engine.nvidia import free_gpu_memory, gpus
    from frame_booster.pixels import PixelLayout

    found = []
    for index, card in enumerate(gpus()):
        precision = gpu_precision(card.capability, preset)
        batches = {}
        for size, (width, height) in _SIZES.items():
            downscale = default_flow_downscale(width, height, preset, f"/GPU:{index}")
            layout = PixelLayout(width, height, "yuv", 8, 1, 1)
            batches[size] = pairs_at_once(layout, preset, precision, downscale, room_of(index, None))
        free = free_gpu_memory(index)
        found.append(
            {
                "name": card.name,
                "capability": ".".join(map(str, card.capability)),
                "memory": card.memory,
                "free": free,
                "precision": precision,
                "batches": batches,
                "built_for": tensorflow_build().has_kernels_for(card.capability),
                "cudnn": not cudnn_lacks(card.capability),
            }
        )
    return found


def _encoders() -> dict[str, bool]:
    """Returns which encoders are here; those in hardware by a trial, since FFmpeg has them without it, too."""
    try:
        from frame_booster.media.output.encoders import HARDWARE_SUFFIXES, available_encoders
        from frame_booster.media.output.hardware import works
    except ImportError:
        return {}
    here = set(available_encoders())
    return {
        name: name in here and (not name.endswith(HARDWARE_SUFFIXES) or works(name, "yuv420p", (1280, 720)))
        for name in _ENCODERS
    }


def _tested(model: str) -> dict[str, Any]:
    """Makes a frame with what `auto` takes, and compares it with the stored one."""
    from frame_booster.engine.choice import load_network
    from frame_booster.engine.self_test import TOLERANCE, difference
    from frame_booster.errors import FrameBoosterError

    began = time.monotonic()
    try:
        network = load_network(model)
        apart = difference(network)
    except FrameBoosterError as error:
        return {"passed": False, "error": str(error)}
    # Whatever an engine raises here is what a run would meet.
    except Exception as error:
        text = str(error).strip()
        return {"passed": False, "error": ": ".join([type(error).__name__, *text.splitlines()[:1]])}
    return {
        "passed": apart is not None and apart <= TOLERANCE,
        "engine": network.engine,
        "device": network.device,
        "precision": network.precision,
        "difference": apart,
        "seconds": round(time.monotonic() - began, 2),
    }


def _missing(found: dict[str, Any]) -> list[dict[str, str]]:
    """Returns what is missing, and the command that mends it, in the order in which it matters."""
    from frame_booster.engine import cuda_toolkit
    from frame_booster.engine.onnx import providers

    missing: list[dict[str, str]] = []

    def add(what: str, command: str) -> None:
        missing.append({"what": what, "command": command})

    if not found["tensorflow"] and not any(hint is None for hint in found["providers"].values()):
        # OpenVINO has no release for Windows on ARM, which Python names so.
        extra = "onnx" if platform.machine() == "ARM64" else "openvino"
        add("no engine is installed", f'pip install "frame-booster[{extra}]"')
    if len(found["runtimes"]) > 1:
        names = " ".join(found["runtimes"])
        add("these packages overwrite each other: " + ", ".join(found["runtimes"]), f"pip uninstall -y {names}")
    if found["driver"] is None and _has_nvidia_card():
        add("this machine has an NVIDIA GPU, but no NVIDIA driver", cuda_toolkit.DRIVER)
    elif cuda_toolkit.lacks_driver():
        add("the CUDA libraries are installed, but no NVIDIA driver is found", cuda_toolkit.DRIVER)
    older = ", ".join(f"gpu:{index}" for index, gpu in enumerate(found["gpus"]) if not gpu["cudnn"])
    if older:
        what = "cuDNN 9.11 and later do not support GPUs before Turing (compute capability 7.5)"
        add(f"{what}, such as {older}", cuda_toolkit.CUDNN_OF_ALL_CARDS)
    elif found["nvidia_gpus"] and not found["tensorflow_gpu"]:
        if sys.platform.startswith("linux"):
            add("TensorFlow does not find the CUDA libraries for the GPU", 'pip install "frame-booster[cuda]"')
        elif not providers.has_accelerator():
            add(
                "this ONNX Runtime has no GPU provider, and TensorFlow has no GPU support on this system",
                providers.install_accelerator(),
            )
    if found["nvidia_gpus"] and found["tensorflow_gpu"] and not found["libdevice"]:
        add("XLA, TensorFlow's compiler, does not find CUDA's libdevice", 'pip install "frame-booster[cuda]"')
    if not found["encoders"].get("libx264", False):
        add("PyAV was built without libx264", "pip install --force-reinstall av")
    if not found.get("test", {"passed": True})["passed"]:
        add("the test frame differs from the stored one", "report the output of frame-booster doctor as a bug")
    return missing


def _refused(folder: Path) -> str | None:
    """Returns why the system lets nothing be written to a folder, which may have to be made; None where it does."""
    from frame_booster.errors import not_writable

    there = next((one for one in (folder, *folder.parents) if os.access(one, os.F_OK)), Path())
    told = not_writable(there)
    return None if told is None else told[0]


def _has_nvidia_card() -> bool:
    try:
        return any(vendor.read_text().strip() == _NVIDIA for vendor in _PCI.glob("*/vendor"))
    except OSError:
        return False


def lines_of(found: dict[str, Any]) -> list[str]:
    """Returns the report for people."""
    lines = [f"frame-booster {found['version']}, Python {found['python']}, {found['system']}"]
    gpus = f"NVIDIA GPUs reported by the driver: {found['nvidia_gpus']}"
    lines.append(f"CPU: {found['processor_threads']} threads; {gpus}")
    lines += [f"{name:<24}{version}" for name, version in found["packages"].items()]
    if len(found["runtimes"]) > 1:
        lines.append(f"these packages overwrite each other: {', '.join(found['runtimes'])}; keep one of them")
    lines.append(f"{'CUDA in TensorFlow':<24}{found['tensorflow_cuda'] or 'none'}")
    lines.append(f"{'NVIDIA driver':<24}{found['driver'] or 'none'}")
    for index, gpu in enumerate(found["gpus"]):
        free = "unknown" if gpu["free"] is None else f"{gpu['free'] / 2**30:.1f}"
        memory = f"{free} of {gpu['memory'] / 2**30:.1f} GiB free"
        lines.append(f"gpu:{index}: {gpu['name']}, compute capability {gpu['capability']}, {memory}")
        pairs = ", ".join(f"{count or 'strips of 1'} at {size}" for size, count in gpu["batches"].items())
        lines.append(f"gpu:{index}: TensorFlow uses {gpu['precision']}; batch size: {pairs}")
        if not gpu["built_for"]:
            later = (
                "those for this GPU are compiled at first use, which can take minutes; a later TensorFlow may have them"
            )
            lines.append(f"gpu:{index}: TensorFlow has kernels for older GPUs only: {later}")
    there = [name for name, here in found["encoders"].items() if here]
    lines.append(f"{'encoders':<24}{', '.join(there)} (all: frame-booster --list-encoders)")
    refused = found["cache_refused"]
    unkept = "" if refused is None else f" (cannot be used: {refused}; set FRAME_BOOSTER_CACHE to another)"
    lines.append(f"{'cache folder':<24}{found['cache']}{unkept}")
    lines.append("")
    lines.append("--engine tensorflow: " + _tensorflow(found["tensorflow"], found["tensorflow_gpu"]))
    for short, hint in found["providers"].items():
        lines.append(f"--engine onnx --provider {short}: {'available' if hint is None else f'not available ({hint})'}")
    lines.append("")
    lines += [f"--engine auto with {found['model']}, for {what}: {engine}" for what, engine in found["auto"].items()]
    if "test" in found:
        lines.append(_test_line(found["test"]))
    lines += [f"missing: {gap['what']} ({gap['command']})" for gap in found["missing"]]
    return lines


def _test_line(test: dict[str, Any]) -> str:
    if "error" in test:
        return f"test: failed: {test['error']}"
    where = f"{test['engine']} on {test['device']}, {test['precision']}, in {test['seconds']} s"
    apart = (
        "no stored frame to compare with"
        if test["difference"] is None
        else f"{test['difference']:.2f} code values from the stored frame"
    )
    return f"test: {'passed' if test['passed'] else 'failed'}: a frame with {where}, {apart}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _tensorflow(installed: bool, gpu: bool) -> str:
    if not installed:
        return 'not available (pip install tensorflow, or "frame-booster[cuda]" for a GPU on Linux)'
    return "available, with a GPU" if gpu else "available, on the CPU"
