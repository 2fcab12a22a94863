"""Weights files as arrays: safetensors, one file a network, checked before anything takes them. No TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from frame_booster.errors import ModelError
from frame_booster.files import atomic

FORMAT_VERSION = "1"


def write_arrays(
    path: Path, arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str], *, durable: bool = False
) -> None:
    """Writes arrays as a safetensors file, whole or not at all.

    Args:
      path: of the file; replaced if it exists.
      arrays: by their names.
      metadata: facts to keep.
      durable: wait until they are on the disk.

    Raises:
      OSError: the disk is full, or the file cannot be written for another reason.
    """
    with atomic(path, durable=durable) as partial:
        # As bytes: the library's own writing raises errors of another kind, and makes files for their owner only.
        partial.write_bytes(save(dict(arrays), metadata=dict(metadata)))


def read_metadata(path: Path) -> dict[str, str]:
    """Returns the metadata of a weights file.

    Raises:
      ModelError: the file is missing or is not a safetensors file.
    """
    if not path.is_file():
        raise ModelError("no such weights file", path=path)
    try:
        with safe_open(str(path), framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise ModelError(f"is not a valid safetensors file: {error}", path=path) from error


def stored_dtype(path: Path) -> str:
    """Returns "float16" if all weights of a file are that, else "float32"."""
    with safe_open(str(path), framework="numpy") as file:
        stored = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    return "float16" if stored == {"F16"} else "float32"


def check_metadata(path: Path, network: str) -> dict[str, str]:
    """Returns the metadata of a file that says that its weights are a network's.

    Raises:
      ModelError: the file is missing, not safetensors, of another format version or network.
    """
    metadata = read_metadata(path)
    version, name = metadata.get("format_version"), metadata.get("network")
    if version != FORMAT_VERSION:
        raise ModelError(
            f"has weights in format version {version!r}, but this program reads {FORMAT_VERSION!r}", path=path
        )
    if name != network:
        hint = f"use --model {name}" if name else "the file does not say which network it is for"
        raise ModelError(f"has weights for the network {name!r}, not {network!r}", path=path, hint=hint)
    return metadata


def read_arrays(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, npt.NDArray[Any]]:
    """Returns the weights of a file, float32, by their names; they may be float16 in the file.

    Args:
      path: of a file that `check_metadata` has passed.
      shapes: of the network's weights.

    Raises:
      ModelError: names or shapes are not the network's, or NumPy has no such numbers.
    """
    with safe_open(str(path), framework="numpy") as file:
        names = set(file.keys())
        if names != set(shapes):
            missing, unknown = sorted(set(shapes) - names), sorted(names - set(shapes))
            parts = [f"{len(m)} {what} ({m[0]}, ...)" for what, m in (("missing", missing), ("unknown", unknown)) if m]
            raise ModelError(f"has other tensors than the network: {', '.join(parts)}", path=path)
        arrays = {key: tensor_of(file, key, path) for key in shapes}
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            raise ModelError(f"tensor {key} has shape {arrays[key].shape}, not {shape}", path=path)
    return {key: array.astype(np.float32) for key, array in arrays.items()}


def tensor_of(file: Any, name: str, path: Path) -> npt.NDArray[Any]:
    """Returns an array of an open safetensors file.

    Raises:
      ModelError: it is of a dtype that NumPy has not, such as bfloat16.
    """
    try:
        array: npt.NDArray[Any] = file.get_tensor(name)
    except (TypeError, SafetensorError) as error:
        kind = file.get_slice(name).get_dtype()
        raise ModelError(
            f"tensor {name} has the dtype {kind}, which NumPy does not support", path=path, hint="save it as float16"
        ) from error
    return array
