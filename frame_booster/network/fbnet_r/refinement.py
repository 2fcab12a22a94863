"""FBNet-R, stages 1c and 3d: Lucas-Kanade steps, which refine a motion that is nearly right.

The search moves by whole px of a level and smooths, so its motion is exact to about a tenth of a px. Where there is
texture, least squares over a small window (Lucas and Kanade, 1981) find the rest; elsewhere `STEADY` keeps the motion
unchanged. The gain is largest where motion is small (docs/training/fbnet-r.md).
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_r.neighbourhood import box
from frame_booster.network.layers import Tensor
from frame_booster.network.warp import side_warp

WINDOW = 7
"""Side of the window, px of the level."""
FURTHEST = 0.5
"""Largest change, px of the level: beyond about a px the image gradient is no guide."""
STEADY = 0.03
"""Regularisation, added to the squared gradient: areas with less texture than this keep their motion."""


def _normal_equations(first: Tensor, second: Tensor) -> Tensor:
    mean = tf.pad(0.5 * (first + second), [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    slope_y = 0.5 * (mean[:, 2:, 1:-1] - mean[:, :-2, 1:-1])
    slope_x = 0.5 * (mean[:, 1:-1, 2:] - mean[:, 1:-1, :-2])
    error = first - second
    products = [slope_y * slope_y, slope_y * slope_x, slope_x * slope_x, slope_y * error, slope_x * error]
    return tf.stack([tf.reduce_sum(product, -1) for product in products], -1)


def solve(sums: Tensor) -> Tensor:
    """Returns the change (B, h, w, 2) px of the motion that solves the `normal_equations` summed over windows."""
    yy, yx, xx, y, x = tf.unstack(sums, axis=-1)
    yy, xx = yy + STEADY, xx + STEADY
    determinant = yy * xx - yx * yx
    found = tf.stack([(xx * y - yx * x) / determinant, (yy * x - yx * y) / determinant], -1)
    return tf.clip_by_value(found, -FURTHEST, FURTHEST)


normal_equations = compiled(_normal_equations)
"""The terms of the normal equations for each pixel of two warped frames, (B, h, w, 5), before the sum over windows.

One loop in XLA. With the warps inside, it would be twice as slow: XLA would compute them again for each neighbour."""


def _step_motion(motion: Tensor, sums: Tensor) -> Tensor:
    return motion + solve(sums)


def _step_flow(flow: Tensor, sums: Tensor) -> Tensor:
    half = 0.5 * solve(sums)
    return flow + tf.concat([half, -half], -1)


step_motion = compiled(_step_motion)
"""The motion (B, h, w, 2) after a step; `sums` is from `slopes`."""
step_flow = compiled(_step_flow)
"""The flow (B, h, w, 4) after a step, whose change is shared equally by both frames."""


def motion_to_flow(motion: Tensor, t: Tensor) -> Tensor:
    """Returns the flow (B, h, w, 4) that warps both frames to t, from a motion (B, h, w, 2) px and t (B, 1, 1, 1)."""
    return tf.concat([t * motion, (t - 1.0) * motion], -1)


def slopes(first: Tensor, second: Tensor) -> Tensor:
    """Returns the `sums` argument of `step_motion` and `step_flow`.

    Args:
      first, second: (B, h, w, 4) float32, `matching.appearance` of both frames, warped to the interpolated frame.

    Returns:
      (B, h, w, 5) float32, the normal equations averaged over windows.
    """
    return box(normal_equations(first, second), WINDOW)


def refine(first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
    """Returns the flow after a Lucas-Kanade step.

    The step passes no gradient: it must not influence which candidate is chosen.

    Args:
      first, second: (B, h, w, 4) float32, `matching.appearance` of both frames.
      flow: (B, h, w, 4) float32 px of that size, as in `candidates.warp_pair`.

    Returns:
      (B, h, w, 4) float32 px.
    """
    still = tf.stop_gradient(flow)
    return step_flow(flow, slopes(side_warp(first, still, 0), side_warp(second, still, 1)))
