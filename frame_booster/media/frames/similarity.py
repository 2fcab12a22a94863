"""Similarity of frames: detection of cuts and of repeated frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from frame_booster.pixels import PixelLayout, Planes

SIDE = 32
"""Side of the thumbnails, px."""
_WINDOW = 8

Thumbnail = npt.NDArray[np.float32]


def thumbnail(planes: Planes, layout: PixelLayout) -> Thumbnail:
    """Averages the first plane (luma, gray or green) to 32x32 float32 in [0, 1], for OpenEXR also above."""
    plane = np.nan_to_num(planes[0]) if layout.floating else planes[0]
    rows = np.linspace(0, plane.shape[0], SIDE + 1).astype(int)
    columns = np.linspace(0, plane.shape[1], SIDE + 1).astype(int)
    starts = [np.minimum(edges[:-1], size - 1) for edges, size in zip((rows, columns), plane.shape, strict=True)]
    sums = np.add.reduceat(np.add.reduceat(plane, starts[0], axis=0, dtype=np.float32), starts[1], axis=1)
    counts = [np.maximum(np.diff(edges), 1) for edges in (rows, columns)]
    return (sums / (counts[0][:, None] * counts[1][None, :]) / layout.top).astype(np.float32)


def similarity(first: Thumbnail, second: Thumbnail) -> float:
    """SSIM of two thumbnails, with 8x8 windows; 1 for equal ones, near or below 0 for unrelated ones."""
    windows = [
        np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), (_WINDOW, _WINDOW)) for x in (first, second)
    ]
    mean0, mean1 = (w.mean((-1, -2)) for w in windows)
    variance0, variance1 = (w.var((-1, -2)) for w in windows)
    covariance = (windows[0] * windows[1]).mean((-1, -2)) - mean0 * mean1
    c1, c2 = 0.01**2, 0.03**2
    numerator = (2 * mean0 * mean1 + c1) * (2 * covariance + c2)
    return float((numerator / ((mean0**2 + mean1**2 + c1) * (variance0 + variance1 + c2))).mean())


_BLOCK = 16
_REPEATED_BELOW = 2.0
"""Largest mean difference of a block in a repeated frame, due to compression, in 8-bit code values."""


def alike(first: Planes, second: Planes, layout: PixelLayout) -> bool:
    """Tells whether a frame repeats the one before, apart from compression.

    No 16x16 block may differ by more than 2 code values (of 8 bits) in the mean, so that a mouth
    that moves in a still face is not a repetition.
    """
    a, b = first[0], second[0]
    difference = np.abs(np.nan_to_num(a - b) if layout.floating else a.astype(np.int32) - b)
    rows, columns = (np.arange(0, size, _BLOCK) for size in a.shape)
    sums = np.add.reduceat(np.add.reduceat(difference, rows, axis=0), columns, axis=1)
    counts = [np.diff([*edges, size]) for edges, size in zip((rows, columns), a.shape, strict=True)]
    unit = (layout.top if layout.floating else layout.top + 1.0) / 256.0
    return bool((sums / (counts[0][:, None] * counts[1][None, :])).max() < _REPEATED_BELOW * unit)
