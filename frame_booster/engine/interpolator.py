"""The Python API for pairs of images: `load_model(...).interpolate(frame0, frame1)`."""

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
from frame_booster.engine.recursive_midpoint import recursive_midpoints
from frame_booster.errors import ModelError
from frame_booster.network.presets import DEFAULT
from frame_booster.typed_values import typed


class Interpolator:
    """A loaded network that interpolates between two images."""

    def __init__(self, model: LoadedNetwork) -> None:
        self.model = model
        self._compiled: dict[tuple[float, ...], PictureFunction] = {}

    def interpolate(self, frame0: npt.ArrayLike, frame1: npt.ArrayLike, t: SupportsFloat = 0.5) -> Pictures:
        """Interpolates the image between two images.

        Args:
          frame0, frame1: RGB images of the same shape and dtype, as NumPy arrays or objects that convert to them:
            (H, W, 3) or (B, H, W, 3), with H and W at least 2 and B at least 1; uint8 in [0, 255], uint16 in
            [0, 65535] or float32 in [0, 1], where values outside by up to `given_pictures.OVERSHOOT` are clipped.
          t: a number in [0, 1]; 0 returns a copy of frame0, 1 of frame1. A network that can interpolate the middle
            only approximates other times to 1/16 by recursive midpoints.

        Returns:
          RGB of the same shape and dtype, within the range of the dtype.

        Raises:
          InputError: shapes, dtypes, values or t are not as above.
          ModelError: the process was forked from one in which a network had run, or the device fails.
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
        made = recursive_midpoints([(start, stop, wanted)], lambda pairs: [self._run(a, b, 0.5, top) for a, b in pairs])
        return made[0]

    def _run(self, start: Pictures, stop: Pictures, t: float, top: float) -> Pictures:
        batch, height, width = start.shape[:3]
        key = (batch, height, width, top)
        with device_failures(self.model.device):
            try:
                if key not in self._compiled:
                    # As for video, so that two pictures give what the same two frames of a video would.
                    downscale = default_flow_downscale(width, height, self.model.preset, self.model.device)
                    self._compiled[key] = self.model.pictures((batch, height, width, 3), top, downscale)
                return self._compiled[key](start, stop, t)
            # What an engine raises is its own affair; all but want of memory goes on.
            except Exception as error:
                if not self.model.is_out_of_memory(error):
                    raise
                what = f"{self.model.device} has too little memory for {width}x{height}"
                what += f", {batch} at once" if batch > 1 else ""
                raise ModelError(what, hint="use a smaller batch, smaller frames or another device") from error


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
      name: name of the network, one of `network.presets.PRESETS`.
      weights: a safetensors file; None for the included weights.
      device: "auto", "cpu", "gpu" or "gpu:1".
      precision: number format of the convolutions: "auto", "float32", "bfloat16" or "float16".
      engine: "auto", "tensorflow" or "onnx".
      provider: name of the execution provider of the ONNX engine; "auto" takes the first that works.

    Raises:
      InputError: an argument has a wrong type, or the device, engine or precision is unknown.
      ModelError: the name is unknown, or the weights are not the network's.
    """
    given = {"name": name, "device": device, "precision": precision, "engine": engine, "provider": provider}
    texts = {key: typed(key, value, str) for key, value in given.items()}
    file = typed("weights", weights, str | PathLike[str] | None)
    return Interpolator(load_network(weights=file, **texts))
