"""What a network can see and follow, and the memory it takes, measured by running it."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import numpy.typing as npt

from frame_booster.engine.interpolator import Interpolator
from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.evaluation import metrics

FOLLOWED = 30.0
"""PSNR in dB of the middle of a moving picture from which its motion counts as followed; a blend has about 15."""
SHIFTS = (4, 8, 16, 24, 32, 48, 64, 80, 96, 100, 112, 128, 160, 192, 256, 320, 384)
"""Motions tried, px between the two frames."""


def texture(rng: np.random.Generator, height: int, width: int) -> npt.NDArray[np.float32]:
    """Draws a picture (H, W, 3) in [0, 1] with detail of all sizes, so that motion is told everywhere."""
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(1, 8):
        size = (max(width >> octave, 2), max(height >> octave, 2))
        noise = rng.random((size[1], size[0], 3), np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return (total - total.min()) / (total.max() - total.min())


def _eight_bit(picture: npt.NDArray[np.float32]) -> FrameArray:
    return np.ascontiguousarray(np.rint(255 * picture), np.uint8)


def largest_motion(model: Interpolator, height: int, width: int) -> int:
    """Returns the largest of `SHIFTS` by which a picture may move and is still followed, as are all smaller ones; px.

    Args:
      model: to try.
      height, width: of the frames, px.
    """
    rng = np.random.default_rng(1)
    reached = 0
    for shift in (s for s in SHIFTS if s < width // 2):
        wide = texture(rng, height, width + shift)
        first, truth, second = (_eight_bit(wide[:, shift - at : shift - at + width]) for at in (0, shift // 2, shift))
        made = model.interpolate(first, second)
        # What one of the frames does not show cannot be made.
        inner = (slice(height // 4, -height // 4), slice(shift + width // 16, -shift - width // 16))
        inner = inner if made[inner].size else (inner[0], slice(width // 2 - 8, width // 2 + 8))
        if metrics.psnr(made[inner], truth[inner]) < FOLLOWED:
            break
        reached = shift
    return reached


def receptive_radius(model: Interpolator, side: int = 512) -> int:
    """Returns how far around a pixel, px, the frames can change that pixel of the made one.

    Both frames are replaced outside a square around the middle; the largest square that still changes the middle
    is searched for, to 4 px. Motion is small, so it is what the network looks at, not how far it warps.

    Args:
      model: to try; its precision must be float32.
      side: of the frames, px; the answer is at most half of it.
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
    """Returns the most memory this process has had, bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
