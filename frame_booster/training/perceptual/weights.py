"""The weights of ST-LPIPS: read from the package of its authors, and kept as safetensors in the user's cache.

The package is on PyPI and has no dependencies. Its code, which needs PyTorch, is never imported (docs/decisions/0017).
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from frame_booster.errors import ModelError
from frame_booster.training.perceptual.backbones import Backbone, weight_shapes
from frame_booster.training.perceptual.torch_checkpoint import Array, read_checkpoint

HINT = 'pip install "frame-booster[perceptual]"'
_PACKAGE = "stlpips_pytorch"


@dataclass(frozen=True)
class _Checkpoint:
    """One file of the package."""

    name: str
    sha256: str


_CHECKPOINTS: dict[Backbone, _Checkpoint] = {
    "alexnet": _Checkpoint(
        "stlpips_pytorch/weights/vST0.0/alex_shift_tolerant.pth",
        "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee",
    ),
    "vgg16": _Checkpoint(
        "stlpips_pytorch/weights/vST0.0/vgg_shift_tolerant.pth",
        "44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250",
    ),
}


def cache_folder() -> Path:
    """Returns the folder for files that can be restored; it need not exist.

    It is the value of FRAME_BOOSTER_CACHE if that is set, else `frame-booster` in the cache folder of the system.
    """
    if named := os.environ.get("FRAME_BOOSTER_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "frame-booster"


def cached_file(backbone: Backbone) -> Path:
    """Returns the file in the cache for the weights of a backbone; it need not exist."""
    return cache_folder() / f"st-lpips-{backbone}-{_CHECKPOINTS[backbone].sha256[:8]}.safetensors"


def st_lpips_is_available(backbone: Backbone = "alexnet") -> bool:
    """Tells whether the weights are in the cache or in an installed package."""
    return cached_file(backbone).is_file() or _installed(backbone) is not None


def read_weights(backbone: Backbone) -> dict[str, Array]:
    """Returns the weights of ST-LPIPS, float32, with the names and shapes of `weight_shapes`.

    They are read from the cache, or else from the package, and are then written to the cache.

    Raises:
      ModelError: the weights are in neither, or they are damaged.
    """
    kept = cached_file(backbone)
    if kept.is_file():
        try:
            return _checked(load_file(kept), backbone)
        except (SafetensorError, OSError, ValueError) as error:
            raise ModelError(f"cannot use these weights of ST-LPIPS: {error}", path=kept, hint="delete it") from error
    checkpoint = _installed(backbone)
    if checkpoint is None:
        raise ModelError(f"the weights of ST-LPIPS are not installed, and {kept} does not exist", hint=HINT)
    weights = _of_checkpoint(checkpoint, backbone)
    facts = {
        "source": f"{_PACKAGE} 0.0.2, https://pypi.org/project/stlpips-pytorch/",
        "licence": "BSD-2-Clause, copyright (c) 2022, Abhijay Ghildyal, Feng Liu",
        "source_sha256": _CHECKPOINTS[backbone].sha256,
    }
    # The name contains the process, since two processes may do this at the same time.
    partial = kept.with_name(f"{kept.name}.{os.getpid()}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_file(weights, str(partial), metadata=facts)
        partial.replace(kept)
    except (OSError, SafetensorError):
        # Without the cache, the next start only takes a second longer.
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return weights


def _installed(backbone: Backbone) -> Path | None:
    """Returns the file of the package with the weights; None if it is not installed."""
    try:
        path = Path(str(distribution(_PACKAGE).locate_file(_CHECKPOINTS[backbone].name)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _checked(weights: dict[str, Array], backbone: Backbone) -> dict[str, Array]:
    found, wanted = {name: array.shape for name, array in weights.items()}, weight_shapes(backbone)
    if found != wanted:
        names = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        raise ValueError(f"{', '.join(names)}: missing, unexpected, or of another shape")
    return weights


def _of_checkpoint(path: Path, backbone: Backbone) -> dict[str, Array]:
    """Reads the file of the package and converts its weights to the names and shapes of `weight_shapes`.

    Raises:
      ModelError: it is not the file of version 0.0.2.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", path=path) from error
    if digest != _CHECKPOINTS[backbone].sha256:
        raise ModelError(f"not the file of {_PACKAGE} 0.0.2 (its SHA-256 differs)", path=path, hint=HINT)
    return _checked(renamed(read_checkpoint(path)), backbone)


def renamed(tensors: dict[str, Array]) -> dict[str, Array]:
    """Converts the weights of the reference to the names and shapes of `weight_shapes`.

    Args:
      tensors: table of the reference, in its order: kernels (filters, channels, size, size) and biases of the
        convolutions, then (1, channels, 1, 1) for each comparison. The table also contains the weights of the blur and
        the constants that scale colours. Both are fixed, and are constants in the code.
    """
    renamed: dict[str, Array] = {}
    kernels = [name for name in tensors if name.startswith("net.") and name.endswith(".weight")]
    for number, name in enumerate(kernels):
        kernel = tensors[name].transpose(2, 3, 1, 0)
        renamed[f"convolution{number}.kernel"] = np.ascontiguousarray(kernel)
        renamed[f"convolution{number}.bias"] = tensors[name.removesuffix("weight") + "bias"]
    for name, tensor in tensors.items():
        if name.startswith("lin") and not name.startswith("lins."):
            renamed[f"comparison{name[3]}"] = tensor.reshape(-1)
    return renamed
