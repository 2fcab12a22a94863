"""The way of one stream of the source into the output."""

from __future__ import annotations

from typing import Protocol

import av


class Route(Protocol):
    """One stream on its way."""

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        """Returns the output's packets for one of the source's; None is its end."""
        ...
