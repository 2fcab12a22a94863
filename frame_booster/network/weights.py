"""Weights files: safetensors, one file a network, names that follow the layers, facts in the metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from frame_booster.errors import ModelError
from frame_booster.files import atomic
from frame_booster.network.layers import count_weights, named_weights

FORMAT_VERSION = "1"


def save_weights(
    path: Path, network: tf.keras.layers.Layer, metadata: Mapping[str, str], dtype: str = "float32"
) -> None:
    """Writes the weights of `network`, whole or not at all, and waits until they are on the disk.

    Args:
      path: of the .safetensors file; replaced if it exists.
      network: its weights are written.
      metadata: facts to keep (training data, steps, validation figures); network, parameter count and
        format version are added.
      dtype: of the weights in the file, "float32" or "float16"; the latter rounds what was not float16 before.
    """
    tensors = {name: np.asarray(variable.numpy(), dtype) for name, variable in named_weights(network)}
    facts = {
        **metadata,
        "format_version": FORMAT_VERSION,
        "network": network.network_name,
        "parameters": str(count_weights(network)),
    }
    with atomic(path, durable=True) as partial:
        save_file(tensors, str(partial), metadata=facts)
        # The library makes files for their owner only; weights are for everybody who installs them.
        partial.chmod(0o644)


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
        raise ModelError(f"not a usable safetensors file: {error}", path=path) from error


def stored_dtype(path: Path) -> str:
    """Returns "float16" if all weights of a file are that, else "float32"."""
    with safe_open(str(path), framework="numpy") as file:
        stored = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    return "float16" if stored == {"F16"} else "float32"


def load_weights(path: Path, network: tf.keras.layers.Layer) -> dict[str, str]:
    """Reads weights into `network` after checking that they are its own; they may be float16 in the file.

    Returns:
      The file's metadata.

    Raises:
      ModelError: the file is missing, not safetensors, of another format version or network, or its
        names or shapes are not the network's. The network is then unchanged.
    """
    metadata = read_metadata(path)
    version, name = metadata.get("format_version"), metadata.get("network")
    if version != FORMAT_VERSION:
        raise ModelError(f"format version {version!r}, this program reads {FORMAT_VERSION!r}", path=path)
    if name != network.network_name:
        hint = f"choose it with --model {name}" if name else "the file does not say which network it is for"
        raise ModelError(f"weights of network {name!r}, not {network.network_name!r}", path=path, hint=hint)
    variables = dict(named_weights(network))
    with safe_open(str(path), framework="numpy") as file:
        names = set(file.keys())
        if names != set(variables):
            missing, unknown = sorted(set(variables) - names), sorted(names - set(variables))
            parts = [f"{len(m)} {what} ({m[0]}, ...)" for what, m in (("missing", missing), ("unknown", unknown)) if m]
            raise ModelError(f"tensor names do not match: {', '.join(parts)}", path=path)
        tensors = {key: file.get_tensor(key) for key in variables}
    for key, variable in variables.items():
        if tensors[key].shape != tuple(variable.shape):
            raise ModelError(f"{key} has shape {tensors[key].shape}, not {tuple(variable.shape)}", path=path)
    for key, variable in variables.items():
        variable.assign(tensors[key].astype(np.float32))
    return metadata
