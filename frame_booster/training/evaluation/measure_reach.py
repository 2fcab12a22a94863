"""Receptive field of a network, the largest motion that it follows, and memory, measured by running it."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import numpy.typing as npt

from frame_booster.engine.interpolator import Interpolator
from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.evaluation import metrics

FOLLOWED = 30.0
"""PSNR, dB, of the centre of a moving image from which its motion counts as followed; a blend has about 15 dB."""
SHIFTS = (4, 8, 16, 24, 32, 48, 64, 80, 96, 100, 112, 128, 160, 192, 256, 320, 384)
"""Motions that are tried, px between the two frames."""


def texture(rng: np.random.Generator, height: int, width: int) -> npt.NDArray[np.float32]:
    """Draws an image (H, W, 3) in [0, 1] with detail of all sizes, so that motion is visible everywhere."""
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(1, 8):
        size = (max(width >> octave, 2), max(height >> octave, 2))
        noise = rng.random((size[1], size[0], 3), np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return (total - total.min()) / (total.max() - total.min())


def _eight_bit(picture: npt.NDArray[np.float32]) -> FrameArray:
    return np.ascontiguousarray(np.rint(255 * picture), np.uint8)


def largest_motion(model: Interpolator, height: int, width: int) -> int:
    """Returns the largest of `SHIFTS`, px, that the network follows along with all smaller ones; 0 if it follows none.

    Args:
      model: network to measure.
      height, width: size of the frames, px.
    """
    rng = np.random.default_rng(1)
    reached = 0
    for shift in (s for s in SHIFTS if s < width // 2):
        wide = texture(rng, height, width + shift)
        first, truth, second = (_eight_bit(wide[:, shift - at : shift - at + width]) for at in (0, shift // 2, shift))
        made = model.interpolate(first, second)
        # Parts that only one frame shows cannot be interpolated.
        inner = (slice(height // 4, -height // 4), slice(shift + width // 16, -shift - width // 16))
        inner = inner if made[inner].size else (inner[0], slice(width // 2 - 8, width // 2 + 8))
        if metrics.psnr(made[inner], truth[inner]) < FOLLOWED:
            break
        reached = shift
    return reached


def receptive_radius(model: Interpolator, side: int = 512) -> int:
    """Returns the largest distance, px, at which a pixel of the frames affects a pixel of the interpolated frame.

    Both frames are replaced outside a square around the centre. A binary search finds the largest square outside which
    they still affect the centre, to 4 px. The motion is small, so that this measures the receptive field and not the
    length of warps.

    Args:
      model: network to measure; its precision must be float32.
      side: side of the frames, px; the result is at most half of it.
    """
    rng = np.random.default_rng(2)
    first, other, more = (texture(rng, side, side) for _ in range(3))
    second = np.roll(first, 2, axis=1)
    middle = slice(side // 2 - 1, side // 2 + 1)
    plain = model.interpolate(first, second)[middle, middle]

    def changes(radius: int) -> bool:
        inside = slice(side // 2 - radius, side // 2 + radius)
        outer = other.copy(), more.copy()
        for frame, source in zip(outer, (first, second), strict=True):
            frame[inside, inside] = source[inside, inside]
        return not np.array_equal(model.interpolate(*outer)[middle, middle], plain)

    low, high = 0, side // 2
    while high - low > 4:
        radius = (low + high) // 2
        low, high = (radius, high) if changes(radius) else (low, radius)
    return high


def peak_memory() -> int | None:
    """Returns the peak memory of this process, bytes; None if the system does not report it."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
