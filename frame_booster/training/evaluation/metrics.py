"""Quality metrics of 8-bit frames, as defined by `tf.image`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf


def to_8_bit(frame: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Rounds float frames in [0, 1] to uint8."""
    return np.clip(np.rint(frame * 255.0), 0, 255).astype(np.uint8)


def psnr(predicted: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> float:
    """PSNR in dB of two (H, W, 3) uint8 frames; infinite if they are equal."""
    return float(tf.image.psnr(predicted, truth, 255))


def ssim(predicted: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> float:
    """SSIM of two (H, W, 3) uint8 frames (11x11 Gaussian window, as in `tf.image.ssim`)."""
    return float(tf.image.ssim(predicted, truth, 255))


def ie(predicted: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> float:
    """Interpolation error of two uint8 frames: root mean square difference, code values."""
    return float(np.sqrt(np.mean(np.square(predicted.astype(np.float64) - truth))))
