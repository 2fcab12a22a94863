"""FBNet-R, stage 1a: symmetric block matching, coarse to fine, without weights.

A network that has to learn matching from scratch only blends for hours. This one starts from a flow that is right for
most pixels, and learns the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_r.neighbourhood import box, resize
from frame_booster.network.fbnet_r.propagation import propagate
from frame_booster.network.fbnet_r.refinement import slopes, step_motion
from frame_booster.network.layers import Tensor
from frame_booster.network.resample import halve
from frame_booster.network.warp import warp_by_motion as warp

FINEST = 1
"""The search ends at 1/2: up to full resolution it takes 3.5 times as long, and the learned stages make up for it."""


@dataclass(frozen=True)
class MatchingOptions:
    """The constants of the search; the defaults were chosen on validation data (docs/training/fbnet-r.md)."""

    coarsest: int = 4
    """The search starts at 1/2**coarsest and ends at 1/2; each additional level doubles the largest motion found."""
    steps: tuple[int, ...] = (1, 1, 2, 2)
    """Number of searches at 1/2, at 1/4, ...; the last number is that of all coarser levels."""
    polish: tuple[int, ...] = (1, 1, 2, 2)
    """Number of Lucas-Kanade steps after the searches, likewise. The search is exact to a tenth of a px, and its error
    at a coarse level would double at each finer one."""
    window: int = 9
    """Side of the blocks that are compared, px of the level."""
    smooth: int = 7
    """Side of the box by which the flow is smoothed after each search, px of the level."""
    sharpness: float = 150.0
    """Sharpness of the soft minimum over displacements, per unit of mean absolute difference."""
    stay: float = 0.003
    """Cost of a displacement of 1 px, so that flat areas do not move."""
    contrast_window: int = 7
    """Side of the neighbourhood in which local contrast is measured, px of the level."""
    contrast_floor: float = 0.01
    """Standard deviation of noise, added to that of the neighbourhood when contrast is normalised."""
    contrast_weight: float = 0.5
    """Weight of normalised contrast, relative to colour, in the comparison."""
    propagate: tuple[tuple[int, ...], ...] = ((6, 3), (12, 6))
    """Distances of propagation after these steps at 1/2, at 1/4, ..., px of the level (`propagation.py`); one more
    Lucas-Kanade step follows."""
    spread: tuple[int, ...] = (3, 2)
    """The same at 1/8, after `recall.py`."""


def contrast(frame: Tensor, options: MatchingOptions) -> Tensor:
    """Returns brightness normalised by local contrast, (B, H, W, 1), of (B, H, W, 3) float32."""
    gray = tf.reduce_mean(frame, -1, keepdims=True)
    detail = gray - box(gray, options.contrast_window)
    deviation = tf.sqrt(box(tf.square(detail), options.contrast_window) + 1e-8)
    return detail / (deviation + options.contrast_floor)


def appearance(frame: Tensor, options: MatchingOptions) -> Tensor:
    """Returns the features that matching compares: colour, and brightness normalised by local contrast.

    With colour alone, matching takes a change of light for motion and overlooks faint texture beside strong edges.

    Args:
      frame: (B, H, W, 3) float32.
      options: window and weight of the contrast.

    Returns:
      (B, H, W, 4) float32.
    """
    return tf.concat([2.0 / 3.0 * frame, options.contrast_weight * contrast(frame, options)], -1)


def displaced_difference(first: Tensor, second: Tensor, radius: int) -> tuple[Tensor, list[tuple[int, int]]]:
    """Returns the differences of two frames that are displaced in opposite directions.

    Args:
      first, second: (B, H, W, C) float32.
      radius: largest displacement, px.

    Returns:
      (B, H, W, (2 radius + 1)^2) `mean_c |first(x - d) - second(x + d)|`, and the list of d = (dy, dx).
    """
    moves = [(dy, dx) for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1)]
    edge = [[0, 0], [radius, radius], [radius, radius], [0, 0]]
    first, second = tf.pad(first, edge, "SYMMETRIC"), tf.pad(second, edge, "SYMMETRIC")

    def window(frame: Tensor, dy: int, dx: int) -> Tensor:
        return frame[:, radius + dy : dy - radius or None, radius + dx : dx - radius or None]

    costs = [tf.reduce_mean(tf.abs(window(first, -dy, -dx) - window(second, dy, dx)), -1) for dy, dx in moves]
    return tf.stack(costs, -1), moves


def _step_costs(first: Tensor, second: Tensor, stay: Tensor) -> Tensor:
    cost, moves = displaced_difference(first, second, 1)
    return cost + stay * tf.constant([(dy * dy + dx * dx) ** 0.5 for dy, dx in moves])


def _soft_minimum(cost: Tensor, sharpness: Tensor) -> Tensor:
    moves = tf.constant([(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)], tf.float32)
    weights = tf.nn.softmax(-sharpness * cost, -1)
    return tf.reduce_sum(weights[..., None] * moves, -2)


# Loops over the pixels are three times as fast in XLA; the pooling between them is faster outside.
step_costs = compiled(_step_costs)
"""Costs (B, H, W, 9) of displacements within 3x3 px; `stay` is the additional cost of a displacement of 1 px."""
soft_minimum = compiled(_soft_minimum)
"""The displacement (B, H, W, 2) px at the soft minimum of costs (B, H, W, 9)."""


def _search(first: Tensor, second: Tensor, options: MatchingOptions) -> Tensor:
    """Returns the displacement d within 3x3 px, (B, H, W, 2), at the soft minimum of |first(x-d) - second(x+d)|."""
    cost = box(step_costs(first, second, tf.constant(options.stay)), options.window)
    return soft_minimum(cost, tf.constant(options.sharpness))


def pyramid(frame: Tensor, levels: int) -> list[Tensor]:
    """Returns the frame at 1, 1/2, ... 1/2**levels, downscaled by 2x2 averages."""
    frames = [frame]
    for _ in range(levels):
        frames.append(halve(frames[-1]))
    return frames


def search(
    looks0: list[Tensor], looks1: list[Tensor], t: Tensor, options: MatchingOptions, motion: Tensor | None, stop: int
) -> Tensor:
    """Estimates, from coarse to fine, the motion from frame 0 to frame 1 for the pixels of the frame at time t.

    Args:
      looks0, looks1: `appearance` (B, H/2^k, W/2^k, 4) float32 of both frames at 1/2, 1/4, ...
      t: (B, 1, 1, 1) float32 in (0, 1).
      options: constants of the search.
      motion: (B, h, w, 2) float32 px, the motion at the level below the coarsest of `looks0`; None starts from zero.
      stop: index of the last level in `looks0`, 0 being 1/2.

    Returns:
      (B, h, w, 2) float32, (dy, dx) in px of the last level:
      `interpolated(x) = frame0(x - t motion) = frame1(x + (1 - t) motion)`.
    """
    for level in range(len(looks0) - 1, stop - 1, -1):
        first, second = looks0[level], looks1[level]
        motion = tf.zeros_like(first[..., :2]) if motion is None else 2.0 * resize(motion, first)
        for _ in range(_of_level(options.steps, level)):
            found = _search(warp(first, motion, t), warp(second, motion, t - 1.0), options)
            # Both frames are displaced by d, so the motion between them changes by 2 d.
            motion = box(motion + 2.0 * found, options.smooth)
        for _ in range(_of_level(options.polish, level)):
            motion = _polished(first, second, motion, t)
        if level < len(options.propagate):
            motion = spread(first, second, motion, t, options.propagate[level])
    return motion


def spread(first: Tensor, second: Tensor, motion: Tensor, t: Tensor, distances: tuple[int, ...]) -> Tensor:
    """Returns the motion after propagation at one distance after the other, and a Lucas-Kanade step.

    Args:
      first, second: (B, h, w, 4) float32 of `appearance`.
      motion: (B, h, w, 2) float32 px, as `search` returns it.
      t: (B, 1, 1, 1) float32 in (0, 1).
      distances: distances of the neighbours, px.
    """
    for k, reach in enumerate(distances):
        motion = propagate(first, second, motion, t, reach, corners=bool(k % 2))
    return _polished(first, second, motion, t)


def _polished(first: Tensor, second: Tensor, motion: Tensor, t: Tensor) -> Tensor:
    return step_motion(motion, slopes(warp(first, motion, t), warp(second, motion, t - 1.0)))


def _of_level(numbers: tuple[int, ...], level: int) -> int:
    """Returns the number for a level; the last number is that of all coarser levels."""
    return numbers[min(level, len(numbers) - 1)]
