"""Alpha of interpolated frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from frame_booster.pixels import PixelLayout, Plane, Planes


def blend_alpha(first: Planes, second: Planes, t: float, layout: PixelLayout) -> Plane:
    """Returns the alpha plane (H, W) at t of two frames: blended, not moved, since networks see colour only.

    Args:
      first, second: planes of a layout with alpha, which is the last.
      t: in (0, 1), 0 being the first.
      layout: of both; codes are rounded to the nearest, floating numbers are not.
    """
    blended = first[-1] + np.float32(t) * (second[-1].astype(np.float32) - first[-1])
    alpha: Any = (blended if layout.floating else np.rint(blended)).astype(layout.dtype)
    return alpha
