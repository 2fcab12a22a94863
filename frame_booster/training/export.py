"""A network with its weights as a TensorFlow SavedModel, for programs that do not have this package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from frame_booster.errors import OutputError
from frame_booster.network.layers import Tensor, named_weights
from frame_booster.network.registry import create_network
from frame_booster.network.weights import load_weights, read_metadata


class Exported(tf.Module):  # type: ignore[misc]
    """What a SavedModel holds: one function, any size of frames.

    Args:
      network: with its weights.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        # Found by the saver here whatever way Keras keeps them.
        self.weights = [variable for _, variable in named_weights(network)]
        frames = tf.TensorSpec([None, None, None, 3], tf.float32)
        self.interpolate = tf.function(
            self._interpolate, input_signature=[frames, frames, tf.TensorSpec([None], tf.float32)], autograph=False
        )

    def _interpolate(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> dict[str, Tensor]:
        shape, multiple = tf.shape(frame0), self.network.multiple
        height, width = shape[1], shape[2]
        sides = [tf.maximum(-(-side // multiple), 2) * multiple for side in (height, width)]
        rows, columns = (
            tf.minimum(tf.range(target), side - 1) for target, side in zip(sides, (height, width), strict=True)
        )

        def padded(frame: Tensor) -> Tensor:
            return tf.gather(tf.gather(frame, rows, axis=1), columns, axis=2)

        made = self.network(padded(frame0), padded(frame1), t).frame
        return {"frame": made[:, :height, :width]}


def export(weights: Path, output: Path, precision: str = "float32") -> None:
    """Writes a SavedModel with the signature `serving_default(frame0, frame1, t) -> frame`.

    Frames are (B, H, W, 3) float32 RGB in [0, 1] of any size, t (B,) in (0, 1).

    Args:
      weights: a weights file, which says for which network it is.
      output: folder to write.
      precision: of the convolutions.

    Raises:
      InputError, ModelError: the weights cannot be used.
      OutputError: the folder exists or cannot be written.
    """
    if output.exists():
        raise OutputError("exists already", path=output)
    network = create_network(read_metadata(weights).get("network", ""), precision)
    load_weights(weights, network)
    module = Exported(network)
    try:
        tf.saved_model.save(module, str(output), signatures={"serving_default": module.interpolate})
    except OSError as error:
        raise OutputError(f"cannot be written: {error}", path=output) from error
