"""The interface of the three makers: each carries out plans of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from frame_booster.engine.maker import Request
from frame_booster.pixels import Planes


class PlanMaker(Protocol):
    """Interpolates frames of one layout in the one way of a plan, with functions that an engine compiled for it."""

    @property
    def compiled(self) -> Any:
        """Those functions, as `engine.contract` has them."""

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """As `Maker.make`; raises what the engine raises where the device has too little memory for the plan."""

    def warm_up(self) -> None:
        """Has all compiled that the first call would wait for; may raise what `make` may raise."""
