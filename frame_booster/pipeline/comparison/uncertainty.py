"""Which interpolated frames a network is least sure of, out of a video of any length.

While the video goes by, the pictures alone choose one candidate in each of some equal stretches of it; at the end the
network is run on the candidates' neighbours once more and says how far its two warped frames differ where both are
visible (`network.doubt`). Without such a network the pictures' own measure ranks them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from frame_booster.media.frames.display import Shown, rgb_of_shown

STRETCHES = 32
"""Candidates at most."""
SHOWN = 8
"""Interpolated frames on the page."""
LONGEST = 640
"""Longer side of the pictures that are kept of a candidate, px."""
_BLOCK = 16
_WORST = 0.02
"""Share of a picture, its worst, that a measure is the mean of: what is wrong is small beside what is still."""
_CHANGE = 0.1
"""Weight of how far both neighbours differ beside the detail that is lost."""
_HELD_BELOW = 2.0
"""Greatest mean difference of a block, code values, that encoding makes of one frame shown twice."""
_HELD_SHARE = 0.08
"""Share of the way to the next frame that a held frame may seem to have gone; a frame of eight goes an eighth."""

Picture = npt.NDArray[np.uint8]
Luma = npt.NDArray[np.uint8]
DoubtFunction = Callable[[Picture, Picture, float], "npt.NDArray[np.float32] | None"]
"""Takes two neighbours (H, W, 3) and t, returns the doubt (H, W) about the frame between them, None if unknown."""


@dataclass
class Candidate:
    """An interpolated frame, its neighbours in the source, and how unsure it is."""

    frame: int
    """Number of the frame in the proxy."""
    t: Fraction
    measure: float
    """By the pictures alone, code values; 0 is sure."""
    earlier: Picture
    interpolated: Picture
    later: Picture
    doubt: float | None = None
    """By the network, in [0, 1]; 0 is sure."""
    map: npt.NDArray[np.float32] | None = None
    """Where: (H, W) in [0, 1]."""


def _blocks(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns the means (rows, columns) of whole blocks; a plane smaller than one is a block."""
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
    """Measures by the pictures alone how unsure an interpolated frame is, in code values.

    A blend of two things that do not fit is flatter than either: in blocks of 16x16 px, the standard deviation that
    the frame lacks against the neighbour that has less of it, plus a tenth of how far both neighbours differ; the mean
    over the worst 50th part of the blocks.

    Args:
      earlier, interpolated, later: (H, W) luma.
    """
    least = np.minimum(_detail(earlier), _detail(later))
    lost = np.maximum(least - _detail(interpolated), 0.0)
    change = _blocks(np.abs(earlier.astype(np.float32) - later))
    return _worst(lost + _CHANGE * change)


def is_held(earlier: Luma, shown: Luma, later: Luma | None) -> bool:
    """Tells whether a frame shows the one before it again, but for what encoding did to it.

    Args:
      earlier: the frame before, of the same video.
      shown: the frame.
      later: the source's next frame; beside a change as large as a cut's, encoding may do more. None after the last.
    """
    changed = _blocks(np.abs(earlier.astype(np.float32) - shown))
    if later is None or changed.max() < _HELD_BELOW:
        return bool(changed.max() < _HELD_BELOW)
    return _worst(changed) < _HELD_SHARE * _worst(_blocks(np.abs(later.astype(np.float32) - shown)))


class Candidates:
    """Keeps the most unsure frame of each stretch; memory does not grow with the video.

    Args:
      seconds: of all stretches together.
    """

    def __init__(self, seconds: Fraction) -> None:
        self._length = max(seconds, Fraction(1, 1000)) / STRETCHES
        self._kept: dict[int, Candidate] = {}

    def see(self, frame: int, time: Fraction, t: Fraction, earlier: Shown, interpolated: Shown, later: Shown) -> None:
        """Takes note of an interpolated frame.

        Args:
          frame: its number in the proxy.
          time: s from the beginning of the proxy.
          t: where it lies between its neighbours.
          earlier, interpolated, later: pictures of one size.
        """
        measure = by_pictures(earlier[0], interpolated[0], later[0])
        stretch = int(time / self._length)
        there = self._kept.get(stretch)
        if there is None or measure > there.measure:
            first, made, second = (rgb_of_shown(shown, LONGEST) for shown in (earlier, interpolated, later))
            self._kept[stretch] = Candidate(frame, t, measure, first, made, second)

    def ranked(self, doubt: DoubtFunction | None) -> list[Candidate]:
        """Returns the `SHOWN` most unsure frames, the worst first.

        Args:
          doubt: asks the network; None ranks by the pictures.
        """
        candidates = list(self._kept.values())
        for one in candidates if doubt is not None else ():
            assert doubt is not None
            one.map = doubt(one.earlier, one.later, float(one.t))
            one.doubt = None if one.map is None else _worst(_blocks(one.map))
        by_network = all(one.doubt is not None for one in candidates)
        candidates.sort(key=lambda one: (one.doubt or 0.0) if by_network else one.measure, reverse=True)
        return candidates[:SHOWN]
