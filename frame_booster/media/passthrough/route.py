"""Interface of a route: the conversion of one stream of the source to a stream of the output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import av


class Route(Protocol):
    """Copies, re-encodes or converts one stream."""

    def take(self, packet: av.Packet | None) -> Iterable[av.Packet]:
        """Returns packets of the output for a packet of the source; None ends the stream."""
        ...

    @property
    def damaged(self) -> int:
        """Number of packets of the source that were lost, or that decoders of the output may fail to decode."""
        ...

    def damage(self, stream: str) -> list[str]:
        """Returns the warnings at the end of the stream.

        Args:
          stream: description of the source's stream, for messages.
        """
        ...
