"""FBNet-R, stage 1a: symmetric block matching, coarse to fine, without weights.

A network that has to learn matching from nothing stays at blending for hours; this one starts
from a flow that is right for most pixels, and learns what matching cannot know.
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
"""The search ends at 1/2: full resolution costs 3.5 times as much and the learned part makes up for it."""


@dataclass(frozen=True)
class MatchingOptions:
    """The constants of the search; defaults chosen on validation (docs/training/fbnet-r.md)."""

    coarsest: int = 4
    """The search begins at 1/2**coarsest and ends at 1/2; each level doubles the motion in reach."""
    steps: tuple[int, ...] = (1, 1, 2, 2)
    """Searches at 1/2, at 1/4, ..."""
    polish: tuple[int, ...] = (1, 1, 2, 2)
    """Lucas-Kanade steps after them, at 1/2, at 1/4, ...: the search is good to a tenth of a px, and what is left of
    its error at a coarse level is doubled at each finer one."""
    window: int = 9
    """Side of the block whose difference is compared, px of the level."""
    smooth: int = 7
    """Side of the box the flow is smoothed with after each search, px of the level."""
    sharpness: float = 150.0
    """Of the soft minimum over displacements, per unit of mean absolute difference."""
    stay: float = 0.003
    """Cost of a displacement of 1 px: flat places do not move."""
    contrast_window: int = 7
    """Side of the neighbourhood that local contrast is measured in, px of the level."""
    contrast_floor: float = 0.01
    """Standard deviation below which contrast is taken for noise."""
    contrast_weight: float = 0.5
    """Of normalised contrast beside colour in what is compared."""
    propagate: tuple[tuple[int, ...], ...] = ((6, 3), (12, 6))
    """Distances, px of the level, at which neighbours' motions are tried after that at 1/2, at 1/4, ...; one more
    Lucas-Kanade step follows."""
    spread: tuple[int, ...] = (3, 2)
    """The same at 1/8, after what was lost is recalled."""


def contrast(frame: Tensor, options: MatchingOptions) -> Tensor:
    """Returns brightness normalised by the contrast around it, (B, H, W, 1), of (B, H, W, 3) float32."""
    gray = tf.reduce_mean(frame, -1, keepdims=True)
    detail = gray - box(gray, options.contrast_window)
    deviation = tf.sqrt(box(tf.square(detail), options.contrast_window) + 1e-8)
    return detail / (deviation + options.contrast_floor)


def appearance(frame: Tensor, options: MatchingOptions) -> Tensor:
    """Returns what is compared: colour, and brightness normalised by the contrast around it.

    Colour alone takes a change of light for motion and overlooks faint texture beside strong edges.

    Args:
      frame: (B, H, W, 3) float32.
      options: window and weight of the contrast.

    Returns:
      (B, H, W, 4) float32.
    """
    return tf.concat([2.0 / 3.0 * frame, options.contrast_weight * contrast(frame, options)], -1)


def displaced_difference(first: Tensor, second: Tensor, radius: int) -> tuple[Tensor, list[tuple[int, int]]]:
    """Differences of two frames that are moved against each other.

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


# Loops over the pixels are three times faster in XLA; the pooling between them is faster outside.
step_costs = compiled(_step_costs)
"""Differences (B, H, W, 9) for displacements within 3x3 px; `stay` is the cost of one of 1 px."""
soft_minimum = compiled(_soft_minimum)
"""The displacement (B, H, W, 2) px, a soft minimum of costs (B, H, W, 9)."""


def _search(first: Tensor, second: Tensor, options: MatchingOptions) -> Tensor:
    """Returns d, (B, H, W, 2) px, the soft minimum over 3x3 of the difference of first(x-d), second(x+d)."""
    cost = box(step_costs(first, second, tf.constant(options.stay)), options.window)
    return soft_minimum(cost, tf.constant(options.sharpness))


def pyramid(frame: Tensor, levels: int) -> list[Tensor]:
    """Returns the frame at 1, 1/2, ... 1/2**levels by 2x2 averages."""
    frames = [frame]
    for _ in range(levels):
        frames.append(halve(frames[-1]))
    return frames


def search(
    looks0: list[Tensor], looks1: list[Tensor], t: Tensor, options: MatchingOptions, motion: Tensor | None, stop: int
) -> Tensor:
    """Finds the motion from frame 0 to frame 1 as seen from time t, from coarse to fine.

    Args:
      looks0, looks1: `appearance` (B, H/2^k, W/2^k, 4) float32 of both frames at 1/2, 1/4, ...
      t: (B, 1, 1, 1) float32 in (0, 1).
      options: constants of the search.
      motion: (B, h, w, 2) float32 px, what is known of it at the level before the coarsest of these looks; None:
        nothing.
      stop: the level, 0 being 1/2, that is searched last.

    Returns:
      (B, h, w, 2) float32, (dy, dx) in px of that level:
      `made(x) = frame0(x - t motion) = frame1(x + (1 - t) motion)`.
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
    """Returns the motion after neighbours' motions are tried, at one distance after the other, and a Lucas-Kanade step.

    Args:
      first, second: (B, h, w, 4) float32 of `appearance`.
      motion: (B, h, w, 2) float32 px, as `search` returns it.
      t: (B, 1, 1, 1) float32 in (0, 1).
      distances: px.
    """
    for k, reach in enumerate(distances):
        motion = propagate(first, second, motion, t, reach, corners=bool(k % 2))
    return _polished(first, second, motion, t)


def _polished(first: Tensor, second: Tensor, motion: Tensor, t: Tensor) -> Tensor:
    return step_motion(motion, slopes(warp(first, motion, t), warp(second, motion, t - 1.0)))


def _of_level(numbers: tuple[int, ...], level: int) -> int:
    """Returns the number for a level, the last for all coarser ones than are named."""
    return numbers[min(level, len(numbers) - 1)]
