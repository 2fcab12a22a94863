"""FBNet-R, stage 1: symmetric block matching, coarse to fine, without weights.

A network that has to learn matching from nothing stays at blending for hours; this one starts
from a flow that is right for most pixels, and learns what matching cannot know.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from frame_booster.network.layers import Tensor
from frame_booster.network.pyramid import halve
from frame_booster.network.warp import compiled_gather_warp as warp
from frame_booster.network.warp import gather_warp

FINEST = 1
"""The search ends at 1/2: full resolution costs 3.5 times as much and the learned part makes up for it."""


@dataclass(frozen=True)
class MatchingOptions:
    """The constants of the search; defaults chosen on validation (docs/training/fbnet-r.md)."""

    coarsest: int = 4
    """The search begins at 1/2**coarsest and ends at 1/2; each level doubles the motion in reach."""
    steps: int = 2
    """Searches a level."""
    window: int = 11
    """Side of the block whose difference is compared, px of the level."""
    smooth: int = 7
    """Side of the box the flow is smoothed with after each search, px of the level."""
    sharpness: float = 100.0
    """Of the soft minimum over displacements, per unit of mean absolute difference."""
    stay: float = 0.003
    """Cost of a displacement of 1 px: flat places do not move."""
    contrast_window: int = 9
    """Side of the neighbourhood that local contrast is measured in, px of the level."""
    contrast_floor: float = 0.01
    """Standard deviation below which contrast is taken for noise."""
    contrast_weight: float = 0.2
    """Of normalised contrast beside colour in what is compared."""
    propagate: tuple[tuple[int, ...], ...] = ((6, 3), (12, 6))
    """Distances, px of the level, at which neighbours' motions are tried after the search at 1/2, at 1/4, ..."""
    propagate_window: int = 5
    propagate_sharpness: float = 300.0
    own: float = 0.002
    """What a neighbour's motion must be better by than the pixel's own, mean absolute difference."""


def box(x: Tensor, size: int) -> Tensor:
    """Averages (B, H, W, C) over size x size px, fewer at the border."""
    columns = tf.nn.avg_pool2d(x, [size, 1], 1, "SAME")
    return tf.nn.avg_pool2d(columns, [1, size], 1, "SAME")


def appearance(frame: Tensor, options: MatchingOptions) -> Tensor:
    """Returns what is compared: colour, and brightness normalised by the contrast around it.

    Colour alone takes a change of light for motion and overlooks faint texture beside strong edges.

    Args:
      frame: (B, H, W, 3) float32.

    Returns:
      (B, H, W, 4) float32.
    """
    gray = tf.reduce_mean(frame, -1, keepdims=True)
    detail = gray - box(gray, options.contrast_window)
    deviation = tf.sqrt(box(tf.square(detail), options.contrast_window) + 1e-8)
    contrast = options.contrast_weight * detail / (deviation + options.contrast_floor)
    return tf.concat([2.0 / 3.0 * frame, contrast], -1)


def displaced_difference(first: Tensor, second: Tensor, radius: int) -> tuple[Tensor, list[tuple[int, int]]]:
    """Differences of two frames that are moved against each other.

    Args:
      first, second: (B, H, W, C) float32.
      radius: largest displacement, px.

    Returns:
      (B, H, W, (2 radius + 1)^2) `mean_c |first(x - d) - second(x + d)|`, and the list of d = (dy, dx).
    """
    shape = tf.shape(first)
    height, width = shape[1], shape[2]
    moves = [(dy, dx) for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1)]
    edge = [[0, 0], [radius, radius], [radius, radius], [0, 0]]
    first, second = tf.pad(first, edge, "SYMMETRIC"), tf.pad(second, edge, "SYMMETRIC")

    def window(frame: Tensor, dy: int, dx: int) -> Tensor:
        return frame[:, radius + dy : radius + dy + height, radius + dx : radius + dx + width]

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
step_costs = tf.function(_step_costs, jit_compile=True, autograph=False)
"""Differences (B, H, W, 9) for displacements within 3x3 px; `stay` is the cost of one of 1 px."""
soft_minimum = tf.function(_soft_minimum, jit_compile=True, autograph=False)
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


def resize(x: Tensor, like: Tensor) -> Tensor:
    """Scales (B, h, w, C) bilinearly to the size of `like`, float32."""
    return tf.image.resize(x, tf.shape(like)[1:3], "bilinear")


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """Repeats pixels of (B, h, w, C) to the size of `like`, a multiple; keeps the dtype, where `resize` would not."""
    return tf.image.resize(x, tf.shape(like)[1:3], "nearest")


def at_offsets(x: Tensor, offsets: list[tuple[int, int]]) -> list[Tensor]:
    """Returns, for each (dy, dx) px, (B, H, W, C) with what is that far away at each place, clamped at the border."""
    reach = max(abs(step) for offset in offsets for step in offset)
    shape = tf.shape(x)
    height, width = shape[1], shape[2]
    above, below = (tf.repeat(edge, reach, 1) for edge in (x[:, :1], x[:, -1:]))
    x = tf.concat([above, x, below], 1)
    left, right = (tf.repeat(edge, reach, 2) for edge in (x[:, :, :1], x[:, :, -1:]))
    x = tf.concat([left, x, right], 2)
    return [x[:, reach + dy : reach + dy + height, reach + dx : reach + dx + width] for dy, dx in offsets]


def _pair_cost(first: Tensor, second: Tensor, motion: Tensor, t: Tensor) -> Tensor:
    return tf.reduce_mean(
        tf.abs(gather_warp(first, t * motion) - gather_warp(second, (t - 1.0) * motion)), -1, keepdims=True
    )


pair_cost = tf.function(_pair_cost, jit_compile=True, autograph=False)
"""Mean absolute difference (B, H, W, 1) of two frames along a motion; one loop over the pixels, in XLA."""


def _soft_choice(cost: Tensor, sharpness: Tensor, *candidates: Tensor) -> Tensor:
    weights = tf.nn.softmax(-sharpness * cost, -1)
    return tf.add_n([weights[..., k : k + 1] * candidate for k, candidate in enumerate(candidates)])


soft_choice = tf.function(_soft_choice, jit_compile=True, autograph=False)
"""The mean of candidates (B, H, W, C), weighed by the soft minimum of their costs (B, H, W, K)."""


def _propagate(
    first: Tensor, second: Tensor, motion: Tensor, t: Tensor, moves: list[tuple[int, int]], options: MatchingOptions
) -> Tensor:
    """Lets every pixel take over the motion of a neighbour that explains it better.

    The search's large window blurs motion over the boundaries of objects; trying the neighbours' motions
    with a small window puts the boundary back where it is (the propagation of PatchMatch, Barnes
    et al., 2009, as a soft choice).
    """
    candidates = at_offsets(motion, moves)
    costs = [pair_cost(first, second, candidate, t) for candidate in candidates]
    own = tf.constant([options.own if k else 0.0 for k in range(len(moves))])
    cost = box(tf.concat(costs, -1) + own, options.propagate_window)
    return soft_choice(cost, tf.constant(options.propagate_sharpness), *candidates)


def match(looks0: list[Tensor], looks1: list[Tensor], t: Tensor, options: MatchingOptions) -> Tensor:
    """Finds the motion from frame 0 to frame 1 as seen from time t.

    Args:
      looks0, looks1: `appearance` (B, H/2^k, W/2^k, 4) float32 of both frames at 1/2 to 1/2**options.coarsest.
      t: (B, 1, 1, 1) float32 in (0, 1).
      options: constants of the search.

    Returns:
      (B, H/2, W/2, 2) float32, (dy, dx) in px of that level:
      `made(x) = frame0(x - t motion) = frame1(x + (1 - t) motion)`.
    """
    motion: Tensor | None = None
    level = len(looks0)
    for first, second in zip(reversed(looks0), reversed(looks1), strict=True):
        motion = tf.zeros_like(first[..., :2]) if motion is None else 2.0 * resize(motion, first)
        for _ in range(options.steps):
            found = _search(warp(first, t * motion), warp(second, (t - 1.0) * motion), options)
            # Both frames are displaced by d, so the motion between them changes by 2 d.
            motion = box(motion + 2.0 * found, options.smooth)
        level -= 1
        for k, reach in enumerate(options.propagate[level] if level < len(options.propagate) else ()):
            # The four sides and the four corners in turn: half the work of all eight, nearly all of the gain.
            around = [(reach, 0), (-reach, 0), (0, reach), (0, -reach)]
            if k % 2:
                around = [(reach, reach), (-reach, reach), (reach, -reach), (-reach, -reach)]
            motion = _propagate(first, second, motion, t, [(0, 0), *around], options)
    return motion
