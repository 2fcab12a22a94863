"""What `Interpolator.interpolate` is given, checked: pictures that a network would make something else of are errors.

A network takes any numbers, so that pictures in [0, 255] where it expects [0, 1] come out white, without a word.
"""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt

from frame_booster.errors import InputError

TOP = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(np.float32): 1.0}
"""The value of white, by dtype."""
OVERSHOOT = 0.125
"""How far float32 may lie outside [0, 1], as after a resampling that sharpens edges; it is clipped."""
_DTYPES = "uint8, uint16 or float32"
Pictures = npt.NDArray[Any]


def checked_pictures(frame0: npt.ArrayLike, frame1: npt.ArrayLike) -> tuple[Pictures, Pictures]:
    """Returns both pictures as arrays, float32 clipped to [0, 1].

    Args:
      frame0, frame1: arrays, or what NumPy makes arrays of; RGB, (H, W, 3) or (B, H, W, 3), H and W at least 2, uint8,
        uint16 or float32 in [0, 1], both of one shape and dtype.

    Raises:
      InputError: they are not as above, there are none (B = 0), or values are not finite.
    """
    first, second = _array("frame0", frame0), _array("frame1", frame1)
    if first.shape != second.shape or first.dtype != second.dtype:
        raise InputError(
            f"the frames differ: frame0 is {first.shape} {first.dtype}, frame1 {second.shape} {second.dtype}",
            hint="convert them to the same shape and dtype",
        )
    return first, second


def checked_time(t: SupportsFloat) -> float:
    """Returns a time as a float in [0, 1].

    Raises:
      InputError: it is no number, or not in [0, 1].
    """
    try:
        if isinstance(t, (str, bytes)) or getattr(t, "ndim", False):
            raise TypeError
        at = float(t)
    except (TypeError, ValueError) as error:
        raise InputError(f"t must be one number from 0 to 1, not a {type(t).__name__}") from error
    except OverflowError as error:
        raise InputError("t is outside the range from 0 to 1", hint="0 is frame0, 1 is frame1") from error
    if not 0.0 <= at <= 1.0:
        raise InputError(f"t = {at:g} is outside the range from 0 to 1", hint="0 is frame0, 1 is frame1")
    return at


def _conversion(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":
        return "convert it with .astype(np.float32), with values in [0, 1]"
    return "convert it with .astype(np.uint8) if its values are in [0, 255]"


def _array(name: str, given: npt.ArrayLike) -> Pictures:
    try:
        frame = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{name} is not an array: {type(given).__name__}", hint=f"use a NumPy array of {_DTYPES}"
        ) from error
    if frame.ndim not in (3, 4) or frame.shape[-1] != 3:
        raise InputError(
            f"{name} has the shape {frame.shape}, not (H, W, 3) or (B, H, W, 3)", hint="use RGB, channels last"
        )
    if min(frame.shape[-3:-1]) < 2:
        raise InputError(f"{name} has the shape {frame.shape}; height and width must be at least 2 px")
    if frame.size == 0:
        raise InputError(f"{name} has the shape {frame.shape}, which contains no frame")
    if frame.dtype not in TOP:
        raise InputError(f"{name} has the dtype {frame.dtype}, not {_DTYPES}", hint=_conversion(frame.dtype))
    if frame.dtype != np.float32:
        return frame
    # Not-a-number is the least and the greatest of values where it is among them.
    low, high = float(frame.min()), float(frame.max())
    if not np.isfinite([low, high]).all():
        raise InputError(f"{name} has values that are not finite", hint="replace NaN and infinity")
    if low < -OVERSHOOT or high > 1.0 + OVERSHOOT:
        whites = [w for w in (255, 65535) if -OVERSHOOT * w <= low and 1.0 < high <= (1.0 + OVERSHOOT) * w]
        hint = f"divide by {whites[0]}" if whites else "scale them to [0, 1]"
        raise InputError(f"{name} has values from {low:g} to {high:g}; float32 frames must be in [0, 1]", hint=hint)
    return np.clip(frame, 0.0, 1.0) if low < 0.0 or high > 1.0 else frame
