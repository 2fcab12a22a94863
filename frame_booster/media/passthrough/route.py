"""The way of one stream of the source into the output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import av


class Route(Protocol):
    """One stream on its way."""

    def take(self, packet: av.Packet | None) -> Iterable[av.Packet]:
        """Gives the output's packets for one of the source's; None is its end."""
        ...

    @property
    def damaged(self) -> int:
        """How many packets of the source were of no use."""
        ...

    def damage(self, stream: str) -> list[str]:
        """Returns what there is to warn of when all is written.

        Args:
          stream: of the source, in words.
        """
        ...
