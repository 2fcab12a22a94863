"""Losses of the interpolated frame. Frames are (B, H, W, 3) float32 in [0, 1]; every loss returns (B,)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import tensorflow as tf

from frame_booster.network.compiling import compiled, differentiable
from frame_booster.network.layers import Tensor
from frame_booster.network.resample import doubled, halve

EDGE = 3
"""Distance from the centre of a census window to its edge, px."""


def published(predicted: Tensor, truth: Tensor) -> Tensor:
    """The published loss: (1 - SSIM) + (1 - PSNR / 40) + 5 mean|d| + 10 mean d^2.

    PSNR is limited to 60 dB, because its gradient would grow without bound.
    """
    difference = predicted - truth
    squared = tf.reduce_mean(tf.square(difference), [1, 2, 3])
    psnr = -10.0 / tf.math.log(10.0) * tf.math.log(squared + 1e-6)
    ssim = tf.image.ssim(predicted, truth, 1.0)
    absolute = tf.reduce_mean(tf.abs(difference), [1, 2, 3])
    return (1.0 - ssim) + (1.0 - psnr / 40.0) + 5.0 * absolute + 10.0 * squared


def charbonnier(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean of sqrt(d^2 + 1e-6): an absolute difference that is smooth at zero."""
    return tf.reduce_mean(tf.sqrt(tf.square(predicted - truth) + 1e-6), [1, 2, 3])


def census(predicted: Tensor, truth: Tensor) -> Tensor:
    """Census distance in 7x7 windows (Meister et al., UnFlow, 2018): structure, independent of brightness.

    The true frame gets no gradient.
    """
    gray, other = (255.0 * tf.reduce_sum(frame * [0.299, 0.587, 0.114], -1) for frame in (predicted, truth))
    height, width = tf.shape(gray)[1], tf.shape(gray)[2]
    places = tf.cast((height - 2 * EDGE) * (width - 2 * EDGE) * (2 * EDGE + 1) ** 2, tf.float32)
    return tf.reduce_sum(_census_map(gray, tf.stop_gradient(other))[..., 0], [1, 2]) / places


def laplacian(predicted: Tensor, truth: Tensor, levels: int = 4) -> Tensor:
    """L1 distance of Laplacian pyramids, with larger weights for coarse levels (Bojanowski et al., 2018)."""
    difference = predicted - truth
    total = tf.zeros(tf.shape(difference)[:1])
    for level in range(levels):
        coarse = halve(difference)
        even = all(side is not None and side % 2 == 0 for side in difference.shape[1:3])
        larger = doubled(coarse) if even else tf.image.resize(coarse, tf.shape(difference)[1:3], "bilinear")
        detail = difference - larger
        total += 2.0**level * tf.reduce_mean(tf.abs(detail), [1, 2, 3])
        difference = coarse
    return total + 2.0**levels * tf.reduce_mean(tf.abs(difference), [1, 2, 3])


_STEPS = [(y, x) for y in range(-EDGE, EDGE + 1) for x in range(-EDGE, EDGE + 1)]


def _neighbours(gray: Tensor, other: Tensor, steps: list[tuple[int, int]]) -> Iterator[tuple[Tensor, ...]]:
    """Yields, for each step, the differences to that neighbour in both maps (B, H, W), and how often the pair counts.

    A pixel and its neighbour have the same distance from either side. A pair counts once for each of its two pixels
    that is at least `EDGE` px from the border.
    """
    height, width = tf.shape(gray)[1], tf.shape(gray)[2]
    edges = [[0, 0], [EDGE, EDGE], [EDGE, EDGE]]
    wide, wide_other = tf.pad(gray, edges), tf.pad(other, edges)

    def inside(dy: int, dx: int) -> Tensor:
        y, x = tf.range(height)[:, None] + dy, tf.range(width)[None, :] + dx
        fits = (y >= EDGE) & (y < height - EDGE) & (x >= EDGE) & (x < width - EDGE)
        return tf.cast(fits, tf.float32)

    for dy, dx in steps:
        rows = slice(EDGE + dy, None), slice(EDGE + dx, None)
        near, near_other = (x[:, rows[0], rows[1]][:, :height, :width] for x in (wide, wide_other))
        yield near - gray, near_other - other, inside(0, 0) + inside(dy, dx)


def _soft_sign(difference: Tensor) -> tuple[Tensor, Tensor]:
    """Returns d / sqrt(0.81 + d^2) and its slope."""
    root = tf.math.rsqrt(0.81 + tf.square(difference))
    return difference * root, 0.81 * root * root * root


def _census_distances(gray: Tensor, other: Tensor) -> Tensor:
    total = tf.zeros_like(gray)
    for one, two, count in _neighbours(gray, other, _STEPS[: len(_STEPS) // 2]):
        squared = tf.square(_soft_sign(one)[0] - _soft_sign(two)[0])
        total += count * squared / (0.1 + squared)
    return total[..., None]


def _census_slopes(gray: Tensor, other: Tensor, upstream: Tensor) -> Tensor:
    total = tf.zeros_like(gray)
    for one, two, count in _neighbours(gray, other, [step for step in _STEPS if step != (0, 0)]):
        (sign, slope), (sign_two, _) = _soft_sign(one), _soft_sign(two)
        between = sign - sign_two
        total -= count * slope * between * 0.2 / tf.square(0.1 + tf.square(between))
    # The map is summed, so the upstream gradient is the same for all pixels of a sample.
    return total * upstream[:, :1, :1, 0]


# Loops over pixels, not over neighbours, so that no map of 49 channels is written.
_distances, _slopes = compiled(_census_distances), compiled(_census_slopes)
_census_map = differentiable(_distances, lambda upstream, gray, other: (_slopes(gray, other, upstream), None))


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "published": published,
    "charbonnier": charbonnier,
    "census": census,
    "laplacian": laplacian,
}
"""Terms of a loss by their names in the configuration of a run.

IFRNet and UPR-Net use Charbonnier with 0.1 of census.
"""
