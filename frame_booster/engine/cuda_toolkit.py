"""What TensorFlow needs of NVIDIA's CUDA toolkit, and what it was built for, without importing it.

XLA needs the library `libdevice` to compile exp, log and the like for a GPU. It looks for it in pip's wheel
`nvidia-cuda-nvcc`, which the extra `cuda` brings, and in /usr/local/cuda. Conda, Debian and Arch have it elsewhere, and
XLA then fails at the first frame.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIBDEVICE = Path("nvvm/libdevice/libdevice.10.bc")
_USUAL = Path("/usr/local/cuda")
_VARIABLES = ("CUDA_HOME", "CUDA_PATH", "CUDA_DIR", "CONDA_PREFIX")
_ELSEWHERE = ("/usr/lib/cuda", "/usr/lib/nvidia-cuda-toolkit", "/opt/cuda")
"""Debian and Ubuntu; Arch."""


def libdevice_is_found() -> bool:
    """Tells whether XLA finds libdevice by itself."""
    return any((folder / LIBDEVICE).is_file() for folder in _known_to_xla())


def toolkit_elsewhere() -> Path | None:
    """Returns the folder of a toolkit that has libdevice where XLA does not look for it; None without one."""
    named = [os.environ[name] for name in _VARIABLES if os.environ.get(name)]
    folders = [Path(folder) for folder in (*named, sys.prefix, *_ELSEWHERE)]
    return next((folder for folder in folders if (folder / LIBDEVICE).is_file()), None)


@dataclass(frozen=True)
class TensorFlowBuild:
    """What TensorFlow was built for."""

    cuda: str | None
    """Version of CUDA; None without it."""
    kernels: tuple[tuple[int, int], ...]
    """Compute capabilities that it has machine code for."""

    def has_kernels_for(self, capability: tuple[int, int]) -> bool:
        """Tells whether it has machine code for a card; else the driver compiles it, kernel by kernel.

        That of a compute capability runs on all of the same major number and the same or a higher minor one
        (NVIDIA, "CUDA C++ Programming Guide", binary compatibility).
        """
        return any(major == capability[0] and minor <= capability[1] for major, minor in self.kernels)


@functools.cache
def tensorflow_build() -> TensorFlowBuild:
    """Reads what the TensorFlow that is installed was built for."""
    package = _tensorflow_package()
    file = None if package is None else package / "python" / "platform" / "build_info.py"
    if file is None or not file.is_file():
        return TensorFlowBuild(None, ())
    text = file.read_text(encoding="utf-8")
    version = re.search(r"""['"]cuda_version['"]\W+([\d.]+)""", text)
    kernels = tuple((int(major), int(minor)) for major, minor in re.findall(r"\bsm_(\d+)(\d)\b", text))
    return TensorFlowBuild(None if version is None else version[1], kernels)


def _tensorflow_package() -> Path | None:
    found = importlib.util.find_spec("tensorflow")
    return None if found is None or found.origin is None else Path(found.origin).parent


def _known_to_xla() -> Iterator[Path]:
    yield _USUAL
    package = _tensorflow_package()
    if package is not None:
        # Beside TensorFlow, as pip lays it, and where conda-forge's build looks.
        yield package.parent / "nvidia" / "cuda_nvcc"
        yield package / "cuda"
