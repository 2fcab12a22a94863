"""Losses of the interpolated frame. Frames are (B, H, W, 3) float32 in [0, 1]; every loss returns (B,)."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from frame_booster.network.layers import Tensor
from frame_booster.network.resample import halve


def published(predicted: Tensor, truth: Tensor) -> Tensor:
    """The published loss: (1 - SSIM) + (1 - PSNR / 40) + 5 mean|d| + 10 mean d^2.

    PSNR is held at 60 dB at the most, where its gradient would grow without bound.
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


def _ternary(frame: Tensor, size: int) -> Tensor:
    """Soft census transform: signs of the differences to the neighbours in a size x size window."""
    gray = tf.reduce_sum(frame * [0.299, 0.587, 0.114], -1, keepdims=True) * 255.0
    neighbours = tf.image.extract_patches(gray, [1, size, size, 1], [1, 1, 1, 1], [1, 1, 1, 1], "VALID")
    edge = size // 2
    difference = neighbours - gray[:, edge:-edge, edge:-edge]
    return difference / tf.sqrt(0.81 + tf.square(difference))


def census(predicted: Tensor, truth: Tensor) -> Tensor:
    """Census distance in 7x7 windows (Meister et al., UnFlow, 2018): structure, whatever the brightness."""
    squared = tf.square(_ternary(predicted, 7) - _ternary(truth, 7))
    return tf.reduce_mean(squared / (0.1 + squared), [1, 2, 3])


def laplacian(predicted: Tensor, truth: Tensor, levels: int = 4) -> Tensor:
    """L1 between Laplacian pyramids, coarse levels weighing more (Bojanowski et al., 2018)."""
    difference = predicted - truth
    total = tf.zeros(tf.shape(difference)[:1])
    for level in range(levels):
        coarse = halve(difference)
        shape = tf.shape(difference)
        detail = difference - tf.image.resize(coarse, shape[1:3], "bilinear")
        total += 2.0**level * tf.reduce_mean(tf.abs(detail), [1, 2, 3])
        difference = coarse
    return total + 2.0**levels * tf.reduce_mean(tf.abs(difference), [1, 2, 3])


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "published": published,
    "charbonnier": charbonnier,
    "census": census,
    "laplacian": laplacian,
}
"""Terms of a loss by the name that a run's configuration gives.

Charbonnier with 0.1 of census is what IFRNet and UPR-Net train.
"""
