"""The Python API for single pictures: `load_model(...).interpolate(frame0, frame1)`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from frame_booster.engine.choice import load_network
from frame_booster.engine.contract import LoadedNetwork, PictureFunction
from frame_booster.engine.device import check_process
from frame_booster.engine.device_failure import device_failures
from frame_booster.engine.memory_plan import default_flow_downscale
from frame_booster.engine.recursive_midpoint import recursive_midpoint
from frame_booster.errors import InputError
from frame_booster.network.presets import DEFAULT

_TOP = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(np.float32): 1.0}
Pictures = npt.NDArray[Any]


class Interpolator:
    """A loaded network that interpolates between two pictures."""

    def __init__(self, model: LoadedNetwork) -> None:
        self.model = model
        self._compiled: dict[tuple[float, ...], PictureFunction] = {}

    def interpolate(self, frame0: Pictures, frame1: Pictures, t: float = 0.5) -> Pictures:
        """Interpolates the picture between two pictures.

        Args:
          frame0, frame1: RGB, (H, W, 3) or (B, H, W, 3), uint8 in [0, 255], uint16 in [0, 65535] or
            float32 in [0, 1]; both of one shape and dtype; any H and W of at least 2.
          t: when, in (0, 1); 0 is frame0, 1 is frame1. A network that knows the middle only comes
            as near as 1/16 by recursive midpoints.

        Returns:
          RGB of the same shape and dtype, values within the dtype's range.

        Raises:
          InputError: shapes, dtypes or t are not as above.
          ModelError: the process was forked from one in which a network was at work, or the device fails.
        """
        check_process()
        if frame0.shape != frame1.shape or frame0.dtype != frame1.dtype:
            raise InputError(f"the frames differ: {frame0.shape} {frame0.dtype} and {frame1.shape} {frame1.dtype}")
        if frame0.dtype not in _TOP:
            raise InputError(f"frames of {frame0.dtype} are not supported", hint="uint8, uint16 or float32")
        if frame0.ndim not in (3, 4) or frame0.shape[-1] != 3 or min(frame0.shape[-3:-1]) < 2:
            raise InputError(f"frames of shape {frame0.shape} are not (H, W, 3) or (B, H, W, 3)")
        if not 0.0 < t < 1.0:
            raise InputError(f"t = {t} is not between 0 and 1")
        top = _TOP[frame0.dtype]
        start, stop = (np.float32(1.0 / top) * (f[None] if f.ndim == 3 else f) for f in (frame0, frame1))
        made = self._at(start, stop, t, top)
        if frame0.dtype != np.float32:
            made = np.rint(made * top).astype(frame0.dtype)
        return made[0] if frame0.ndim == 3 else made

    def _at(self, start: Pictures, stop: Pictures, t: float, top: float) -> Pictures:
        if self.model.network.any_timestep or t == 0.5:
            return self._run(start, stop, t, top)
        wanted = Fraction(t).limit_denominator(1 << 20)
        return recursive_midpoint(start, stop, wanted, lambda a, b: self._run(a, b, 0.5, top))

    def _run(self, start: Pictures, stop: Pictures, t: float, top: float) -> Pictures:
        batch, height, width = start.shape[:3]
        key = (batch, height, width, top)
        if key not in self._compiled:
            # As for video, so that two pictures give what the same two frames of a video would.
            downscale = default_flow_downscale(width, height, self.model.preset, self.model.device)
            self._compiled[key] = self.model.pictures((batch, height, width, 3), top, downscale)
        with device_failures(self.model.device):
            return self._compiled[key](start, stop, t)


def load_model(
    name: str = DEFAULT,
    weights: str | Path | None = None,
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
      InputError, ModelError: a name is unknown, or the weights are not the network's.
    """
    return Interpolator(load_network(name, weights, device, precision, engine=engine, provider=provider))
