"""Which device a network runs on, and in which precision."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError, ModelError

PRECISIONS = ("float32", "bfloat16", "float16")


def tensorflow() -> Any:
    """Imports TensorFlow with its start-up chatter off; `TF_CPP_MIN_LOG_LEVEL` still decides if set."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    return tf


def choose_device(name: str) -> str:
    """Returns TensorFlow's name of a device.

    Args:
      name: "auto" (the first GPU, else the processor), "cpu", "gpu" or "gpu:1".

    Raises:
      InputError: it is not such a name.
      ModelError: TensorFlow sees no such GPU.
    """
    kind, _, number = name.lower().partition(":")
    if kind not in ("auto", "cpu", "gpu") or (number and (kind != "gpu" or not number.isdecimal())):
        raise InputError(f"unknown device {name!r}", hint="auto, cpu, gpu or gpu:1")
    if kind == "cpu":
        return "/CPU:0"
    count = len(tensorflow().config.list_physical_devices("GPU"))
    if kind == "auto":
        return "/GPU:0" if count else "/CPU:0"
    index = int(number or 0)
    if index >= count:
        raise ModelError(
            f"TensorFlow sees {count} GPUs, not number {index}", hint="--device cpu, or pip install frame-booster[cuda]"
        )
    return f"/GPU:{index}"


def choose_precision(name: str, device: str) -> str:
    """Returns the dtype of convolutions: the one asked for, or the fastest that costs no visible quality.

    Raises:
      InputError: there is no such precision.
    """
    if name != "auto":
        if name not in PRECISIONS:
            raise InputError(f"unknown precision {name!r}", hint=f"auto, {', '.join(PRECISIONS)}")
        return name
    if "GPU" in device:
        return "float16"
    return "bfloat16" if _has_bfloat16() else "float32"


def _has_bfloat16() -> bool:
    """Tells whether this processor multiplies bfloat16 in hardware; emulation is slower than float32."""
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() not in ("x86_64", "AMD64") or not cpuinfo.exists():
        return False
    flags = next((line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags
