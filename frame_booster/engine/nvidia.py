"""NVIDIA's GPUs, as the driver's own library counts them: no engine is imported for it, and none is needed."""

from __future__ import annotations

import ctypes
import functools
import sys

_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


@functools.cache
def nvidia_gpus() -> int:
    """Returns how many GPUs CUDA programs can use (CUDA Driver API, `cuInit` and `cuDeviceGetCount`); 0 without a
    driver."""
    if sys.platform == "darwin":
        return 0
    try:
        driver = ctypes.CDLL(_LIBRARY)
        count = ctypes.c_int(0)
        # 0 is CUDA_SUCCESS.
        if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return 0
    except (OSError, AttributeError):
        return 0
    return count.value
