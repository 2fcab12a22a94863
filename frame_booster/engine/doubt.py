"""How sure a network is of the frame between two pictures, asked of it by running it on them once more."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from frame_booster.engine.code_values import padded
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.device import tensorflow
from frame_booster.engine.model import Model
from frame_booster.network.presets import PRESETS

DoubtMap = npt.NDArray[np.float32]
"""(H, W), 0 where the network is sure, up to 1."""


class DoubtMeter:
    """Measures doubt (`network.doubt`) for pictures of one size after the other.

    Only TensorFlow has the flows: graphs of the ONNX engine give planes of the interpolated frame alone.

    Args:
      model: of a network that has masks; others have no such measure.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._functions: dict[tuple[int, ...], Any] = {}

    def measure(self, picture0: npt.NDArray[np.uint8], picture1: npt.NDArray[np.uint8], t: float) -> DoubtMap | None:
        """Returns the doubt about the frame between two pictures.

        Args:
          picture0, picture1: (H, W, 3) RGB.
          t: in (0, 1).

        Returns:
          (H, W) float32 in [0, 1]; None where the network has no such measure.
        """
        tf = tensorflow()
        height, width = picture0.shape[:2]
        multiple = self._model.network.multiple
        size = padded(height, multiple), padded(width, multiple)
        pads = [(0, size[0] - height), (0, size[1] - width), (0, 0)]
        frames = [np.pad(p, pads, "edge")[None].astype(np.float32) / 255.0 for p in (picture0, picture1)]
        with tf.device(self._model.device):
            found = self._function(size)(*frames, np.array([t], np.float32))
        return None if found is None else np.asarray(found[0, :height, :width], np.float32)

    def _function(self, size: tuple[int, ...]) -> Any:
        if size not in self._functions:
            tf = tensorflow()
            from frame_booster.network.doubt import doubt_of

            network = self._model.network

            def measured(frame0: Any, frame1: Any, t: Any) -> Any:
                return doubt_of(frame0, frame1, network(frame0, frame1, t), t)

            shape = tf.TensorSpec([1, *size, 3], tf.float32)
            traced = tf.function(measured, autograph=False)
            self._functions[size] = traced.get_concrete_function(shape, shape, tf.TensorSpec([1], tf.float32))
        return self._functions[size]


def doubt_meter(name: str, device: str, loaded: LoadedNetwork | None = None) -> DoubtMeter | None:
    """Returns what measures a network's doubt; None where there is no network of that name.

    Args:
      name: of the network.
      device: as of `Model`; of several the first is taken.
      loaded: the network, where it is loaded already; of another engine than TensorFlow it is loaded again.
    """
    if isinstance(loaded, Model):
        return DoubtMeter(loaded)
    if name not in PRESETS:
        return None
    return DoubtMeter(Model(name, None if loaded is None else loaded.weights, device.split(",")[0]))
