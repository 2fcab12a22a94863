"""FBNet-R, stages 1c and 3d: Lucas-Kanade steps, which make a motion that is nearly right exact.

The search moves by whole px of a level and smooths, so fine motion is good to about a tenth of a px. Where
texture fixes it, the least squares of Lucas and Kanade (1981) over a small window find the rest; where it does
not, `STEADY` keeps the motion as it is. Gains most where motion is small (docs/training/fbnet-r.md).
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
"""Largest change, px of the level: beyond about a px the picture's slope no longer says where to go."""
STEADY = 0.03
"""Squared slope of the appearance below which a place has too little texture to decide."""


def _normal_equations(first: Tensor, second: Tensor) -> Tensor:
    mean = tf.pad(0.5 * (first + second), [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    slope_y = 0.5 * (mean[:, 2:, 1:-1] - mean[:, :-2, 1:-1])
    slope_x = 0.5 * (mean[:, 1:-1, 2:] - mean[:, 1:-1, :-2])
    error = first - second
    products = [slope_y * slope_y, slope_y * slope_x, slope_x * slope_x, slope_y * error, slope_x * error]
    return tf.stack([tf.reduce_sum(product, -1) for product in products], -1)


def solve(sums: Tensor) -> Tensor:
    """Returns the change (B, h, w, 2) px of the motion that sums of `normal_equations` over windows ask for."""
    yy, yx, xx, y, x = tf.unstack(sums, axis=-1)
    yy, xx = yy + STEADY, xx + STEADY
    determinant = yy * xx - yx * yx
    found = tf.stack([(xx * y - yx * x) / determinant, (yy * x - yx * y) / determinant], -1)
    return tf.clip_by_value(found, -FURTHEST, FURTHEST)


normal_equations = compiled(_normal_equations)
"""What least squares needs of each pixel of two warped frames, (B, h, w, 5), not yet summed over windows; one loop, in
XLA. With the warps in it the loop would be twice as slow: XLA computes them anew for each neighbour's slope."""


def _step_motion(motion: Tensor, sums: Tensor) -> Tensor:
    return motion + solve(sums)


def _step_flow(flow: Tensor, sums: Tensor) -> Tensor:
    half = 0.5 * solve(sums)
    return flow + tf.concat([half, -half], -1)


step_motion = compiled(_step_motion)
"""The motion (B, h, w, 2) after the change that the sums ask for."""
step_flow = compiled(_step_flow)
"""The flow (B, h, w, 4) after that change, shared evenly by both frames."""


def motion_to_flow(motion: Tensor, t: Tensor) -> Tensor:
    """Returns the flow (B, h, w, 4) by which both frames meet at t, of a motion (B, h, w, 2) px and t (B, 1, 1, 1)."""
    return tf.concat([t * motion, (t - 1.0) * motion], -1)


def slopes(first: Tensor, second: Tensor) -> Tensor:
    """Returns what `step_motion` and `step_flow` need to make two frames agree better.

    Args:
      first, second: (B, h, w, 4) float32 of `matching.appearance`, warped to where they should be equal.

    Returns:
      (B, h, w, 5) float32, least squares over windows.
    """
    return box(normal_equations(first, second), WINDOW)


def refine(first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
    """Returns the flow after a step.

    No gradient comes through the step: it corrects what was chosen, and is no reason to choose.

    Args:
      first, second: (B, h, w, 4) float32 of `matching.appearance`.
      flow: (B, h, w, 4) float32 px of that size, as `candidates.warp_pair` takes it.

    Returns:
      (B, h, w, 4) float32 px.
    """
    still = tf.stop_gradient(flow)
    return step_flow(flow, slopes(side_warp(first, still, 0), side_warp(second, still, 1)))
