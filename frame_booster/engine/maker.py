"""The interface of what interpolates frames, for the pipeline: `Maker` and its `Request`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from frame_booster.pixels import Planes

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Request:
    """An interpolated frame that is wanted: between frames `first` and `second` of a batch, at time `t` in (0, 1)."""

    first: int
    second: int
    t: Fraction = HALF


class Maker(Protocol):
    """Interpolates frames of one layout, on one device or several; calls may come from several threads."""

    @property
    def batch_size(self) -> int:
        """Pairs of frames that a call of `make` should bring, so that none of them waits for another."""

    @property
    def at_once(self) -> int:
        """Calls of `make` that may run at the same time; of more, some wait."""

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """Interpolates.

        Args:
          frames: those that the requests name, each as the planes of its layout.
          requests: any number.

        Returns:
          The interpolated frames in the order of the requests.

        Raises:
          ModelError: the device has too little memory.
        """
