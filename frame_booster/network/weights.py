"""Weights of networks to files and back: names that follow the layers, facts in the metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from frame_booster.network.layers import count_weights, named_weights
from frame_booster.network.weights_file import (
    FORMAT_VERSION,
    check_metadata,
    read_arrays,
    read_metadata,
    stored_dtype,
    write_arrays,
)

__all__ = ["FORMAT_VERSION", "load_weights", "read_metadata", "save_weights", "stored_dtype"]


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
    write_arrays(path, tensors, facts, durable=True)


def load_weights(path: Path, network: tf.keras.layers.Layer) -> dict[str, str]:
    """Reads weights into `network` after checking that they are its own; they may be float16 in the file.

    Returns:
      The file's metadata.

    Raises:
      ModelError: the file is missing, not safetensors, of another format version or network, or its
        names or shapes are not the network's. The network is then unchanged.
    """
    metadata = check_metadata(path, network.network_name)
    variables = dict(named_weights(network))
    arrays = read_arrays(path, {name: tuple(variable.shape) for name, variable in variables.items()})
    for key, variable in variables.items():
        variable.assign(arrays[key])
    return metadata
