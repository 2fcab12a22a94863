"""Exports a network with its weights for programs without this package: a TensorFlow SavedModel, or ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from frame_booster.errors import InputError, OutputError
from frame_booster.files import atomic
from frame_booster.network.compiling import plain_operations
from frame_booster.network.layers import Tensor, named_weights
from frame_booster.network.presets import create_network
from frame_booster.network.weights import load_weights, read_metadata


class Exported(tf.Module):  # type: ignore[misc]
    """The content of a SavedModel: one function for frames of any size.

    Args:
      network: network with its weights.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        # As an attribute, so that the saver finds them however Keras stores them.
        self.weights = [variable for _, variable in named_weights(network)]
        frames = tf.TensorSpec([None, None, None, 3], tf.float32)
        self.interpolate = tf.function(
            self._interpolate, input_signature=[frames, frames, tf.TensorSpec([None], tf.float32)], autograph=False
        )

    def _interpolate(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> dict[str, Tensor]:
        shape, multiple = tf.shape(frame0), self.network.multiple
        height, width = shape[1], shape[2]
        # Not -(-side // multiple), because integer division in ONNX rounds towards zero.
        sides = [tf.maximum((side + multiple - 1) // multiple, 2) * multiple for side in (height, width)]
        rows, columns = (
            tf.minimum(tf.range(target), side - 1) for target, side in zip(sides, (height, width), strict=True)
        )

        def padded(frame: Tensor) -> Tensor:
            return tf.gather(tf.gather(frame, rows, axis=1), columns, axis=2)

        made = self.network(padded(frame0), padded(frame1), t).frame
        return {"frame": made[:, :height, :width]}


OPSET = 17
"""Opset of the ONNX file; ONNX Runtime supports it from 1.14 on."""


def _exported(weights: Path, output: Path, precision: str) -> Exported:
    if output.exists():
        raise OutputError("exists already", path=output)
    network = create_network(read_metadata(weights).get("network", ""), precision)
    load_weights(weights, network)
    return Exported(network)


def export_onnx(weights: Path, output: Path) -> None:
    """Writes an ONNX file with the inputs frame0, frame1, t and the output frame, shaped as in `export`, in float32.

    Args:
      weights: weights file, whose metadata names the network.
      output: file to write.

    Raises:
      InputError, ModelError: the weights cannot be used, or the extra `export` is not installed.
      OutputError: the file exists or cannot be written.
    """
    try:
        import tf2onnx
    except ImportError as error:
        raise InputError(f"{error.name} is not installed", hint='pip install "frame-booster[export]"') from error
    module = _exported(weights, output, "float32")
    with plain_operations():
        model, _ = tf2onnx.convert.from_function(
            module.interpolate, input_signature=module.interpolate.input_signature, opset=OPSET
        )
    # The converter names the output after the operation that computes it.
    made = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["frame" if name == made else name for name in node.output]
        node.input[:] = ["frame" if name == made else name for name in node.input]
    model.graph.output[0].name = "frame"
    try:
        with atomic(output) as partial:
            partial.write_bytes(model.SerializeToString())
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=output) from error


def export(weights: Path, output: Path, precision: str = "float32") -> None:
    """Writes a SavedModel with the signature `serving_default(frame0, frame1, t) -> frame`.

    Frames are (B, H, W, 3) float32 RGB in [0, 1] of any size, t is (B,) in (0, 1).

    Args:
      weights: weights file, whose metadata names the network.
      output: folder to write.
      precision: dtype of the convolutions.

    Raises:
      InputError, ModelError: the weights cannot be used.
      OutputError: the folder exists or cannot be written.
    """
    module = _exported(weights, output, precision)
    try:
        tf.saved_model.save(module, str(output), signatures={"serving_default": module.interpolate})
    except OSError as error:
        raise OutputError(f"cannot be written: {error}", path=output) from error
