"""The Python API for single pictures: `load_model(...).interpolate(frame0, frame1)`."""

from __future__ import annotations

from fractions import Fraction
from os import PathLike
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt

from frame_booster.engine.choice import load_network
from frame_booster.engine.contract import LoadedNetwork, PictureFunction
from frame_booster.engine.device import check_process
from frame_booster.engine.device_failure import device_failures
from frame_booster.engine.given_pictures import TOP, Pictures, checked_pictures, checked_time
from frame_booster.engine.memory_plan import default_flow_downscale
from frame_booster.engine.recursive_midpoint import recursive_midpoint
from frame_booster.network.presets import DEFAULT
from frame_booster.typed_values import typed


class Interpolator:
    """A loaded network that interpolates between two pictures."""

    def __init__(self, model: LoadedNetwork) -> None:
        self.model = model
        self._compiled: dict[tuple[float, ...], PictureFunction] = {}

    def interpolate(self, frame0: npt.ArrayLike, frame1: npt.ArrayLike, t: SupportsFloat = 0.5) -> Pictures:
        """Interpolates the picture between two pictures.

        Args:
          frame0, frame1: arrays, or what NumPy makes arrays of; RGB, (H, W, 3) or (B, H, W, 3), uint8 in [0, 255],
            uint16 in [0, 65535] or float32 in [0, 1], where what lies outside by up to `given_pictures.OVERSHOOT` is
            clipped; both of one shape and dtype; any H and W of at least 2, any B of at least 1.
          t: when, one number in [0, 1]; at 0 a copy of frame0 is returned, at 1 one of frame1. A network that knows
            the middle only comes as near as 1/16 to a time between by recursive midpoints.

        Returns:
          RGB of the same shape and dtype, values within the dtype's range.

        Raises:
          InputError: shapes, dtypes, values or t are not as above.
          ModelError: the process was forked from one in which a network was at work, or the device fails.
        """
        check_process()
        first, second = checked_pictures(frame0, frame1)
        at = checked_time(t)
        if at in (0.0, 1.0):
            return (second if at else first).copy()
        top = TOP[first.dtype]
        start, stop = (np.float32(1.0 / top) * (f[None] if f.ndim == 3 else f) for f in (first, second))
        made = self._at(start, stop, at, top)
        if first.dtype != np.float32:
            made = np.rint(made * top).astype(first.dtype)
        return made[0] if first.ndim == 3 else made

    def _at(self, start: Pictures, stop: Pictures, t: float, top: float) -> Pictures:
        if self.model.network.any_timestep or t == 0.5:
            return self._run(start, stop, t, top)
        wanted = Fraction(t).limit_denominator(1 << 20)
        return recursive_midpoint(start, stop, wanted, lambda a, b: self._run(a, b, 0.5, top))

    def _run(self, start: Pictures, stop: Pictures, t: float, top: float) -> Pictures:
        batch, height, width = start.shape[:3]
        key = (batch, height, width, top)
        with device_failures(self.model.device):
            if key not in self._compiled:
                # As for video, so that two pictures give what the same two frames of a video would.
                downscale = default_flow_downscale(width, height, self.model.preset, self.model.device)
                self._compiled[key] = self.model.pictures((batch, height, width, 3), top, downscale)
            return self._compiled[key](start, stop, t)


def load_model(
    name: str = DEFAULT,
    weights: str | PathLike[str] | None = None,
    device: str = "auto",
    precision: str = "auto",
    engine: str = "auto",
    provider: str = "auto",
) -> Interpolator:
    """Loads a network.

    Args:
      name: of the network, one of `network.presets.PRESETS`.
      weights: a safetensors file; None is the one that ships.
      device: "auto", "cpu", "gpu" or "gpu:1".
      precision: of the convolutions: "auto", "float32", "bfloat16" or "float16".
      engine: "auto", "tensorflow" or "onnx".
      provider: execution provider of ONNX Runtime, by name; "auto" takes the first that is here.

    Raises:
      InputError: an argument is of a wrong type, or such a device, engine or precision is not known.
      ModelError: the name is unknown, or the weights are not the network's.
    """
    given = {"name": name, "device": device, "precision": precision, "engine": engine, "provider": provider}
    texts = {key: typed(key, value, str) for key, value in given.items()}
    file = typed("weights", weights, str | PathLike[str] | None)
    return Interpolator(load_network(weights=file, **texts))
