"""NVIDIA's GPUs, as the driver's own libraries tell of them: no engine is imported for it, and none is needed."""

from __future__ import annotations

import ctypes
import functools
import sys
from dataclasses import dataclass
from typing import Any

_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_MANAGEMENT = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
_SUCCESS = 0
"""CUDA_SUCCESS, and NVML_SUCCESS."""
_MAJOR, _MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""


@dataclass(frozen=True)
class NvidiaGpu:
    """A GPU, in the order in which CUDA counts them."""

    name: str
    capability: tuple[int, int]
    """Compute capability."""
    memory: int
    """Bytes in all."""
    bus: str
    """Its place in the machine, as "00000000:01:00.0", by which NVML knows it."""


class _Memory(ctypes.Structure):
    """`nvmlMemory_t`."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def _driver() -> Any:
    """Returns the library of the CUDA Driver API, begun; None without a driver."""
    if sys.platform == "darwin":
        return None
    try:
        driver = ctypes.CDLL(_LIBRARY)
        return driver if driver.cuInit(0) == _SUCCESS else None
    except (OSError, AttributeError):
        return None


@functools.cache
def _management() -> Any:
    """Returns the library of NVML, begun; None without a driver."""
    try:
        library = ctypes.CDLL(_MANAGEMENT)
        return library if library.nvmlInit_v2() == _SUCCESS else None
    except (OSError, AttributeError):
        return None


@functools.cache
def nvidia_gpus() -> int:
    """Returns how many GPUs CUDA programs can use (CUDA Driver API, `cuInit` and `cuDeviceGetCount`); 0 without a
    driver."""
    driver, count = _driver(), ctypes.c_int(0)
    if driver is None or driver.cuDeviceGetCount(ctypes.byref(count)) != _SUCCESS:
        return 0
    return count.value


@functools.cache
def gpus() -> tuple[NvidiaGpu, ...]:
    """Returns those GPUs (CUDA Driver API, `cuDeviceGetName`, `cuDeviceGetAttribute`, `cuDeviceTotalMem`)."""
    driver, found = _driver(), []
    for index in range(nvidia_gpus()):
        device, memory = ctypes.c_int(), ctypes.c_size_t()
        name, bus = ctypes.create_string_buffer(128), ctypes.create_string_buffer(32)
        numbers = [ctypes.c_int(), ctypes.c_int()]
        driver.cuDeviceGet(ctypes.byref(device), index)
        driver.cuDeviceGetName(name, len(name), device)
        driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
        driver.cuDeviceGetPCIBusId(bus, len(bus), device)
        for number, attribute in zip(numbers, (_MAJOR, _MINOR), strict=True):
            driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
        capability = numbers[0].value, numbers[1].value
        found.append(NvidiaGpu(name.value.decode(), capability, memory.value, bus.value.decode()))
    return tuple(found)


def free_gpu_memory(index: int) -> int | None:
    """Returns how many bytes of a GPU no process has taken (NVML, `nvmlDeviceGetMemoryInfo`); None if not known.

    Args:
      index: as CUDA counts GPUs.
    """
    library, handle, memory = _management(), ctypes.c_void_p(), _Memory()
    if library is None or index >= len(gpus()):
        return None
    bus = gpus()[index].bus.encode()
    if library.nvmlDeviceGetHandleByPciBusId_v2(bus, ctypes.byref(handle)) != _SUCCESS:
        return None
    if library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) != _SUCCESS:
        return None
    return int(memory.free)


def driver_version() -> str | None:
    """Returns the version of NVIDIA's driver, as "535.104.05" (NVML, `nvmlSystemGetDriverVersion`); None without."""
    library, text = _management(), ctypes.create_string_buffer(96)
    if library is None or library.nvmlSystemGetDriverVersion(text, len(text)) != _SUCCESS:
        return None
    return text.value.decode()
