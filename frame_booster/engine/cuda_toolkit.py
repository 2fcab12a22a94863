"""What TensorFlow needs of NVIDIA's CUDA toolkit and cuDNN, and what it was built for, without importing it.

XLA needs the library `libdevice` to compile exp, log and the like for a GPU. It looks for it in pip's wheel
`nvidia-cuda-nvcc`, which the extra `cuda` brings, and in /usr/local/cuda. Conda, Debian and Arch have it elsewhere, and
XLA then fails at the first frame.

cuDNN has the convolutions, and its releases end their support of older cards before TensorFlow's do.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from frame_booster.engine.nvidia import driver_version, nvidia_gpus

LIBDEVICE = Path("nvvm/libdevice/libdevice.10.bc")
_USUAL = Path("/usr/local/cuda")
_VARIABLES = ("CUDA_HOME", "CUDA_PATH", "CUDA_DIR", "CONDA_PREFIX")
_ELSEWHERE = ("/usr/lib/cuda", "/usr/lib/nvidia-cuda-toolkit", "/opt/cuda")
"""Debian and Ubuntu; Arch."""
CUDNN = "nvidia-cudnn-cu12"
"""The package that TensorFlow has cuDNN from, where it was installed with its wheels."""
CUDNN_OF_ALL_CARDS = f'pip install "{CUDNN}<9.11"'
"""Brings the last releases for cards of Pascal and Volta, which all TensorFlow from 2.18 on takes."""
_ENDS_OLDER = (9, 11)
"""Release of cuDNN from which on it has no kernels for older cards than these (NVIDIA cuDNN, "Support Matrix")."""
_TURING = (7, 5)
"""Their compute capability."""


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


def wanted_cudnn() -> int:
    """Returns the major release of cuDNN that the TensorFlow that is installed wants."""
    try:
        return 8 if importlib.metadata.version("tensorflow").startswith("2.15.") else 9
    except importlib.metadata.PackageNotFoundError:
        return 9


def packaged_cudnn() -> tuple[int, ...] | None:
    """Returns the release of cuDNN that pip has installed, as (9, 10); None without one."""
    try:
        return tuple(int(part) for part in importlib.metadata.version(CUDNN).split(".")[:2])
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None


DRIVER = "start a container with --gpus all; otherwise see https://www.nvidia.com/drivers"
"""What to do where there is no driver of NVIDIA: it is the system's, and a container is given it."""


def lacks_driver() -> bool:
    """Tells whether the libraries of the extra `cuda` are installed, as in the image for cards, and no driver is."""
    return packaged_cudnn() is not None and driver_version() is None and not nvidia_gpus()


def cudnn_lacks(capability: tuple[int, int] | None) -> bool:
    """Tells whether the cuDNN that pip has installed for TensorFlow has no kernels for a card.

    Args:
      capability: compute capability of the card; None where it is not known.
    """
    release = packaged_cudnn()
    if capability is None or release is None or release[0] != wanted_cudnn():
        return False
    return release >= _ENDS_OLDER and capability < _TURING


def first_usable(capabilities: Iterable[tuple[int, int] | None]) -> int | None:
    """Returns the number of the first card that cuDNN has kernels for; None without one."""
    return next((index for index, capability in enumerate(capabilities) if not cudnn_lacks(capability)), None)


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
