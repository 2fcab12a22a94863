"""The interface between pipeline and engine for interpolating frames: `Maker` and its `Request`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from frame_booster.pixels import Planes

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Request:
    """A requested frame: between frames `first` and `second` of a batch, at time `t` in (0, 1)."""

    first: int
    second: int
    t: Fraction = HALF


class Maker(Protocol):
    """Interpolates frames of one layout, on one device or several; calls may come from several threads."""

    @property
    def batch_size(self) -> int:
        """Number of pairs that a call of `make` should have, so that the batch is full."""

    @property
    def at_once(self) -> int:
        """Number of calls of `make` that can run in parallel; further calls wait."""

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """Interpolates the requested frames.

        Args:
          frames: frames to which the requests refer, each as planes of the layout.
          requests: any number of requests.

        Returns:
          The interpolated frames in the order of the requests.

        Raises:
          ModelError: the device has too little memory.
        """
