"""Which device a network runs on, and in which precision."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

from frame_booster.engine.cuda_toolkit import DRIVER, first_usable, lacks_driver
from frame_booster.errors import InputError, ModelError
from frame_booster.gc_pause import collection_paused
from frame_booster.network.presets import Preset
from frame_booster.processor import cpu_facts

PRECISIONS = ("float32", "bfloat16", "float16")


def tensorflow() -> Any:
    """Imports TensorFlow with its start-up chatter off; `TF_CPP_MIN_LOG_LEVEL` still decides if set."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with collection_paused():
        import tensorflow as tf

    return tf


_at_work_in: int | None = None
"""The process in which a network was first used."""


def begin_work() -> None:
    """Notes that an engine is at work in this process from now on.

    Raises:
      ModelError: it was at work before this process was forked.
    """
    global _at_work_in
    check_process()
    _at_work_in = os.getpid()


def check_process() -> None:
    """Raises ModelError in a process that was forked from one in which a network was at work.

    An engine's threads are not forked with it, so that its first computation there would wait for them for ever.
    """
    if _at_work_in not in (None, os.getpid()):
        raise ModelError(
            "this process was forked after a network was used, and its engine does not survive a fork",
            hint='start processes with multiprocessing.get_context("spawn"), or use the network only in them',
        )


def limit_threads(count: int) -> None:
    """Lets TensorFlow compute in so many threads at once.

    Raises:
      ModelError: TensorFlow is at work already, so that it is too late.
    """
    threading = tensorflow().config.threading
    if (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()) == (count, count):
        return
    try:
        threading.set_intra_op_parallelism_threads(count)
        threading.set_inter_op_parallelism_threads(count)
    except RuntimeError as error:
        raise ModelError("the number of threads can only be set before a network is loaded") from error


UNDER_WAY = 3
"""Batches in flight on a GPU, which computes one of them at a time."""


def as_computations(device: str) -> bool:
    """Returns whether a network is compiled as XLA computations on a device.

    On a GPU it is, because a frame would otherwise take hundreds of small kernels, which run in less time than it takes
    to launch them. On a CPU, oneDNN's convolutions are faster than XLA's, and single loops compile in less time.
    """
    return "GPU" in device


def frames_at_once(device: str) -> int:
    """Returns how many batches are in flight on a device at the same time, if memory allows.

    On a CPU two, because a single frame does not keep all cores busy (docs/performance.md), but one if TensorFlow may
    use only one thread. On a GPU three: one is uploaded, one computed and one downloaded.
    """
    if "CPU" not in device:
        return UNDER_WAY
    if (os.cpu_count() or 1) == 1:
        return 1
    return 1 if tensorflow().config.threading.get_inter_op_parallelism_threads() == 1 else 2


def device_parts(name: str) -> tuple[str, int]:
    """Splits the value of `--device` into "auto", "cpu" or "gpu", and a number.

    Raises:
      InputError: it is not such a name.
    """
    kind, _, number = name.lower().partition(":")
    if kind not in ("auto", "cpu", "gpu") or (number and (kind == "auto" or not number.isdecimal())):
        raise unknown_device(name)
    return kind, int(number or 0)


def unknown_device(name: str) -> InputError:
    """Returns the error about a name that is none of a device's."""
    return InputError(f"unknown device {name!r}", hint="use auto, cpu, gpu or gpu:1")


def no_such_gpu(count: int, index: int) -> ModelError:
    """Returns the error about a GPU that is not among so many."""
    if lacks_driver():
        return ModelError("no NVIDIA driver is found", hint=f"{DRIVER}; or use --device cpu")
    if sys.platform.startswith("linux"):
        way = 'pip install "frame-booster[cuda]"'
    else:
        # TensorFlow has no GPU there, whatever is installed, and CUDA's packages have no wheels.
        from frame_booster.engine.onnx.providers import has_accelerator, install_accelerator

        way = "--engine onnx" if has_accelerator() else install_accelerator()
    hint = f"use --device cpu, or {way}"
    what = f"there is no GPU number {index}: TensorFlow finds {count}" if count else "TensorFlow finds no GPU"
    return ModelError(what, hint=hint)


def choose_device(name: str) -> str:
    """Returns TensorFlow's name of a device.

    Args:
      name: "auto" (the first GPU that cuDNN has kernels for, else the processor), "cpu", "gpu" or "gpu:1"; "cpu:1"
        where TensorFlow has been told to make logical devices of the processor.

    Raises:
      InputError: it is not such a name.
      ModelError: TensorFlow sees no such GPU.
    """
    kind, index = device_parts(name)
    if kind == "cpu":
        if index and index >= len(tensorflow().config.list_logical_devices("CPU")):
            raise unknown_device(name)
        return f"/CPU:{index}"
    count = len(tensorflow().config.list_physical_devices("GPU"))
    if kind == "auto":
        first = first_usable(compute_capability(f"/GPU:{number}") for number in range(count))
        return "/CPU:0" if first is None else f"/GPU:{first}"
    if index >= count:
        raise no_such_gpu(count, index)
    return f"/GPU:{index}"


def choose_precision(name: str, device: str, preset: Preset) -> str:
    """Returns the dtype of convolutions: the one asked for, or the fastest that costs no visible quality.

    On a GPU that is bfloat16 where its tensor cores have it, since that has the range of float32; float16 on older
    ones that compute it faster, if the network stays within its range; else float32.

    Args:
      name: of a precision, or "auto".
      device: as `choose_device` returns it.
      preset: of the network.

    Raises:
      InputError: there is no such precision.
    """
    if name != "auto":
        if name not in PRECISIONS:
            raise InputError(f"unknown precision {name!r}", hint=f"use auto, {', '.join(PRECISIONS)}")
        return name
    if "GPU" in device:
        return gpu_precision(compute_capability(device), preset)
    return "bfloat16" if has_bfloat16() else "float32"


BFLOAT16_CAPABILITY = (8, 0)
"""Compute capability from which on tensor cores have bfloat16 (CUDA C++ Programming Guide: Ampere)."""
FLOAT16_CAPABILITY = (7, 0)
"""Compute capability from which on there are tensor cores, of float16 (Volta)."""


def gpu_precision(capability: tuple[int, int] | None, preset: Preset) -> str:
    """Returns the precision that `auto` takes on a GPU.

    Args:
      capability: compute capability of the GPU; None where it is not known (a card that is not NVIDIA's).
      preset: of the network.
    """
    if capability is not None and capability >= BFLOAT16_CAPABILITY:
        return "bfloat16"
    if capability is not None and capability >= FLOAT16_CAPABILITY and preset.float16_is_safe:
        return "float16"
    return "float32"


def compute_capability(device: str) -> tuple[int, int] | None:
    """Returns the compute capability of a GPU, as TensorFlow knows it; None where it has none."""
    config = tensorflow().config
    gpus = config.list_physical_devices("GPU")
    index = int(device.rpartition(":")[2])
    if index >= len(gpus):
        return None
    capability: tuple[int, int] | None = config.experimental.get_device_details(gpus[index]).get("compute_capability")
    return capability


def has_bfloat16() -> bool:
    """Tells whether this processor multiplies bfloat16 in hardware; emulation is slower than float32."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    flags = next(iter(cpu_facts("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags
