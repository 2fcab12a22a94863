"""Finds the most doubtful interpolated frames in a video of any length.

While the video is read, a measure of the images alone selects one candidate in each of several sections of equal
length. At the end, the network is run again on the neighbours of the candidates, and doubt is measured: how much both
warped frames differ where both are visible (`network.doubt`). Without a network, the measure of the images ranks them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from frame_booster.media.frames.display import Shown, rgb_of_shown

STRETCHES = 32
"""Number of sections, and so the most candidates."""
SHOWN = 8
"""Number of interpolated frames on the page."""
LONGEST = 640
"""Longer side of the stored images of a candidate, px."""
_BLOCK = 16
_WORST = 0.02
"""Share of the blocks, the worst ones, whose mean is the measure: errors are small compared to still areas."""
_CHANGE = 0.1
"""Weight of the difference of both neighbours, relative to the lost detail."""
_HELD_BELOW = 2.0
"""Largest mean difference of a block, in code values, that encoding causes in a frame that is shown twice."""
_HELD_SHARE = 0.08
"""Largest change of a held frame, relative to that to the next source frame; with a factor of 8, interpolated frames
change by at least an eighth."""

Picture = npt.NDArray[np.uint8]
Luma = npt.NDArray[np.uint8]
DoubtFunction = Callable[[Picture, Picture, float], "npt.NDArray[np.float32] | None"]
"""Function of two neighbours (H, W, 3) and t to the doubt (H, W) about the frame between them, None if unknown."""


@dataclass
class Candidate:
    """An interpolated frame, its neighbours in the source, and measures of doubt."""

    frame: int
    """Number of the frame in the proxy."""
    t: Fraction
    """Time between the neighbours, in (0, 1)."""
    measure: float
    """Measure by the images alone, in code values; 0 is certain."""
    earlier: Picture
    interpolated: Picture
    later: Picture
    doubt: float | None = None
    """Doubt of the network, in [0, 1]; 0 is certain."""
    map: npt.NDArray[np.float32] | None = None
    """Doubt of the network at each pixel, (H, W) in [0, 1]."""


def _blocks(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns the means of whole blocks, (rows, columns); a plane smaller than a block is divided into smaller ones."""
    height, width = plane.shape
    block = min(_BLOCK, height, width)
    rows, columns = height // block, width // block
    cut = plane[: rows * block, : columns * block].reshape(rows, block, columns, block)
    return np.asarray(cut.mean((1, 3)), np.float32)


def _worst(blocks: npt.NDArray[np.float32]) -> float:
    count = max(round(blocks.size * _WORST), 1)
    return float(np.sort(blocks, axis=None)[-count:].mean())


def _detail(luma: Luma) -> npt.NDArray[np.float32]:
    values = luma.astype(np.float32)
    mean = _blocks(values)
    return np.sqrt(np.maximum(_blocks(values * values) - mean * mean, 0.0))


def by_pictures(earlier: Luma, interpolated: Luma, later: Luma) -> float:
    """Returns a measure of doubt about an interpolated frame by the images alone, in code values.

    A blend of frames that do not match has less contrast than either. The measure of a block of 16x16 px is the
    standard deviation that the frame lacks, compared to the neighbour that has less of it, plus a tenth of the
    difference of both neighbours. The result is the mean over the worst 2% of the blocks.

    Args:
      earlier, interpolated, later: luma (H, W).
    """
    least = np.minimum(_detail(earlier), _detail(later))
    lost = np.maximum(least - _detail(interpolated), 0.0)
    change = _blocks(np.abs(earlier.astype(np.float32) - later))
    return _worst(lost + _CHANGE * change)


def is_held(earlier: Luma, shown: Luma, later: Luma | None) -> bool:
    """Returns whether a frame shows the one before again, apart from encoding errors.

    Args:
      earlier: luma of the last frame of the same video that is a source frame.
      shown: luma of the frame.
      later: luma of the next source frame, None after the last; the larger the change to it, such as at a cut, the
        larger encoding errors may be.
    """
    changed = _blocks(np.abs(earlier.astype(np.float32) - shown))
    if later is None or changed.max() < _HELD_BELOW:
        return bool(changed.max() < _HELD_BELOW)
    return _worst(changed) < _HELD_SHARE * _worst(_blocks(np.abs(later.astype(np.float32) - shown)))


class Candidates:
    """Keeps the most doubtful frame of each section, so that memory does not grow with the video.

    Args:
      seconds: duration of the whole video in s.
    """

    def __init__(self, seconds: Fraction) -> None:
        self._length = max(seconds, Fraction(1, 1000)) / STRETCHES
        self._kept: dict[int, Candidate] = {}

    def see(self, frame: int, time: Fraction, t: Fraction, earlier: Shown, interpolated: Shown, later: Shown) -> None:
        """Records an interpolated frame.

        Args:
          frame: number of the frame in the proxy.
          time: time in the proxy, in s.
          t: time between its neighbours, in (0, 1).
          earlier, interpolated, later: images of the same size.
        """
        measure = by_pictures(earlier[0], interpolated[0], later[0])
        stretch = int(time / self._length)
        there = self._kept.get(stretch)
        if there is None or measure > there.measure:
            first, made, second = (rgb_of_shown(shown, LONGEST) for shown in (earlier, interpolated, later))
            self._kept[stretch] = Candidate(frame, t, measure, first, made, second)

    def ranked(self, doubt: DoubtFunction | None) -> list[Candidate]:
        """Returns the `SHOWN` most doubtful frames, the worst first.

        Args:
          doubt: function that measures the network's doubt; None ranks by the images alone.
        """
        candidates = list(self._kept.values())
        for one in candidates if doubt is not None else ():
            assert doubt is not None
            one.map = doubt(one.earlier, one.later, float(one.t))
            one.doubt = None if one.map is None else _worst(_blocks(one.map))
        by_network = all(one.doubt is not None for one in candidates)
        candidates.sort(key=lambda one: (one.doubt or 0.0) if by_network else one.measure, reverse=True)
        return candidates[:SHOWN]
