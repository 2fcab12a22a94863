"""The execution providers that run ONNX graphs: their names, which are available, and which is chosen.

OpenVINO is used through its own package, which reads the same graphs: the ONNX Runtime wheel with that provider is a
separate, older build that cannot be installed beside the others.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import sys
from dataclasses import dataclass
from typing import Any

from frame_booster.engine.cuda_toolkit import first_usable
from frame_booster.engine.device import PRECISIONS, has_bfloat16
from frame_booster.engine.nvidia import driver_version, gpus, nvidia_gpus
from frame_booster.errors import InputError, ModelError
from frame_booster.network.presets import Preset

CPU = "CPUExecutionProvider"
OPENVINO = "OpenVINOExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
DIRECTML = "DmlExecutionProvider"
COREML = "CoreMLExecutionProvider"


@dataclass(frozen=True)
class Provider:
    """An execution provider of ONNX Runtime, or OpenVINO, which is named like one."""

    name: str
    short: str
    """Short name for `--provider`."""
    extra: str
    """Extra of frame-booster that installs it."""
    accelerator: bool
    """Whether it runs on other hardware than the CPU."""
    precisions: tuple[str, ...]
    """Supported dtypes of convolutions, the default first."""


_HALF = ("float16", "float32")
PROVIDERS = {
    provider.name: provider
    for provider in (
        Provider(CUDA, "cuda", "onnx-cuda", True, _HALF),
        Provider(DIRECTML, "directml", "directml", True, _HALF),
        Provider(COREML, "coreml", "onnx", True, _HALF),
        Provider(OPENVINO, "openvino", "openvino", False, ("float32", "bfloat16")),
        Provider(CPU, "cpu", "onnx", False, ("float32",)),
        # Building its engines takes minutes for each GPU and shape, so `auto` never chooses it.
        Provider(TENSORRT, "tensorrt", "onnx-cuda", True, _HALF),
    )
}
"""Providers by name, in the order of preference of `auto`, which excludes the last."""
NAMES = (*PROVIDERS, *(provider.short for provider in PROVIDERS.values()))
"""Values of `--provider` besides `auto`."""
RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")
"""Packages that all install the module `onnxruntime`."""


_TELEMETRY = "ORT_DISABLE_TELEMETRY"
"""Environment variable that stops ONNX Runtime (from 1.29; not on Windows) from sending telemetry to its vendor: facts
about the machine, and names and hashes of models. It is read when ONNX Runtime is imported."""


def runtime() -> Any:
    """Imports ONNX Runtime with telemetry off, unless the user has set `ORT_DISABLE_TELEMETRY` to 0.

    If a program has imported it before, its choice is kept.

    Raises:
      ModelError: it is not installed.
    """
    first = "onnxruntime" not in sys.modules
    silent = os.environ.setdefault(_TELEMETRY, "1") != "0"
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError("ONNX Runtime is not installed", hint='pip install "frame-booster[onnx]"') from error
    if first and silent:
        # On Windows, where the system collects events.
        onnxruntime.disable_telemetry_events()
    return onnxruntime


def installed_runtimes() -> list[str]:
    """Returns the installed packages of ONNX Runtime; several of them overwrite each other."""
    found = []
    for name in RUNTIMES:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        found.append(name)
    return found


def has_openvino() -> bool:
    """Returns whether OpenVINO is installed, without importing it."""
    return importlib.util.find_spec("openvino") is not None


def has_onnx_runtime() -> bool:
    """Returns whether ONNX Runtime is installed, without importing it."""
    return importlib.util.find_spec("onnxruntime") is not None


@functools.cache
def available() -> tuple[str, ...]:
    """Returns the providers that work on this machine, in the order of `PROVIDERS`.

    The CUDA provider is part of its wheel with or without a GPU; it counts if the driver reports one.
    """
    built: set[str] = set()
    if has_onnx_runtime():
        built |= set(runtime().get_available_providers())
    if not nvidia_gpus():
        built -= {CUDA, TENSORRT}
    built.discard(OPENVINO)
    if has_openvino():
        built.add(OPENVINO)
    return tuple(name for name in PROVIDERS if name in built)


def has_accelerator() -> bool:
    """Returns whether a provider for other hardware than the CPU works on this machine."""
    return any(PROVIDERS[name].accelerator for name in available())


def provider_named(name: str) -> Provider:
    """Returns a provider by its name, or its short one.

    Raises:
      InputError: there is none of that name.
    """
    for provider in PROVIDERS.values():
        if name in (provider.name, provider.short):
            return provider
    raise InputError(f"unknown provider {name!r}", hint=f"use one of {', '.join(NAMES)}")


def choose_provider(name: str, device: str) -> tuple[Provider, str]:
    """Returns the provider and the device, "/CPU:0" or "/GPU:i".

    Args:
      name: of a provider, or "auto".
      device: "auto", "cpu", "gpu" or "gpu:1".

    Raises:
      InputError: a name is unknown, or the two exclude each other.
      ModelError: the provider is not available, or there are two runtimes that overwrite each other.
    """
    kind, _, number = device.lower().partition(":")
    if kind not in ("auto", "cpu", "gpu") or (number and (kind != "gpu" or not number.isdecimal())):
        raise InputError(f"unknown device {device!r}", hint="use auto, cpu, gpu or gpu:1")
    runtimes = installed_runtimes()
    if len(runtimes) > 1:
        raise ModelError(
            f"{' and '.join(runtimes)} overwrite each other, but are both installed",
            hint=f"pip uninstall -y {' '.join(runtimes)}, then pip install one of them",
        )
    if name == "auto":
        wanted = [p for p in PROVIDERS.values() if p.name in available() and p.name != TENSORRT]
        cards = gpus()
        if kind == "auto" and cards and first_usable(card.capability for card in cards) is None:
            # It takes the same cuDNN as TensorFlow.
            wanted = [p for p in wanted if p.name != CUDA]
        chosen = next((p for p in wanted if kind == "auto" or p.accelerator == (kind == "gpu")), None)
        if chosen is None and kind == "gpu":
            raise ModelError(
                "this ONNX Runtime has no GPU provider", hint=f"use --device cpu, or {install_accelerator()}"
            )
        if chosen is None:
            raise ModelError("ONNX Runtime is not installed", hint='pip install "frame-booster[onnx]"')
    else:
        chosen = provider_named(name)
        if chosen.name not in available():
            raise ModelError(f"{chosen.name} is not available", hint=install_hint(chosen))
        if kind != "auto" and chosen.accelerator != (kind == "gpu"):
            raise InputError(f"{chosen.name} does not run on --device {device}", hint="remove one of them")
    return chosen, f"/GPU:{int(number or 0)}" if chosen.accelerator else "/CPU:0"


def install_hint(provider: Provider) -> str:
    """Returns what to do for a provider that is not available: the pip command, or why there is none."""
    if provider.name in (CUDA, TENSORRT) and not nvidia_gpus():
        return "no NVIDIA driver is found" if driver_version() is None else "the NVIDIA driver reports no GPU"
    if provider.name == COREML and sys.platform != "darwin":
        return "it is for macOS only"
    if provider.name == DIRECTML and sys.platform != "win32":
        return "it is for Windows only"
    return _install(provider.extra)


def install_accelerator() -> str:
    """Returns the pip command for a provider that uses this system's graphics cards."""
    return _install("directml" if sys.platform == "win32" else "onnx" if sys.platform == "darwin" else "onnx-cuda")


def _install(extra: str) -> str:
    others = installed_runtimes() if extra in ("onnx-cuda", "directml") else []
    # Shells have no sign in common between two commands: that of cmd.exe is & or &&.
    first = f"pip uninstall -y {' '.join(others)}, then " if others else ""
    return f'{first}pip install "frame-booster[{extra}]"'


def choose_precision(name: str, provider: Provider, preset: Preset) -> str:
    """Returns the dtype of convolutions: the one asked for, or the fastest that costs no visible quality.

    Accelerators have no bfloat16 here, since convolutions of the opset have none: they take float16 where the network
    stays within its range, else float32.

    Raises:
      InputError: there is no such precision, or the provider does not compute in it.
    """
    if name == "auto":
        if "bfloat16" in provider.precisions and has_bfloat16():
            return "bfloat16"
        first = provider.precisions[0]
        return first if first != "float16" or preset.float16_is_safe else "float32"
    if name not in PRECISIONS:
        raise InputError(f"unknown precision {name!r}", hint=f"use auto, {', '.join(PRECISIONS)}")
    if name not in provider.precisions:
        raise InputError(
            f"{provider.name} does not support {name}",
            hint=f"use {' or '.join(provider.precisions)}, or --engine tensorflow",
        )
    return name
