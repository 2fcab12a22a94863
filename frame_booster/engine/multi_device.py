"""One file on several devices: each interpolates a range of the frames that are requested together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from frame_booster.engine.maker import Maker, Request
from frame_booster.pixels import Planes


class MultiDeviceInterpolator:
    """Interpolates on all devices at the same time; a `Maker`.

    Args:
      makers: one for each device, of one layout and the same network.
    """

    def __init__(self, makers: Sequence[Maker]) -> None:
        self.makers = list(makers)
        self.at_once = max(maker.at_once for maker in self.makers)
        """Calls of `make` that may run at the same time: those that one device takes."""
        self._pool = ThreadPoolExecutor(len(self.makers) * self.at_once, thread_name_prefix="device")

    @property
    def batch_size(self) -> int:
        """Pairs that keep all devices at work."""
        return sum(maker.batch_size for maker in self.makers)

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """As `Maker.make`; every device gets a share of the requests in proportion to its batches.

        Raises:
          ModelError: a device has too little memory.
        """
        shares, begin = [], 0
        for k, maker in enumerate(self.makers):
            left = sum(m.batch_size for m in self.makers[k:])
            end = begin + -(-(len(requests) - begin) * maker.batch_size // left)
            shares.append(self._pool.submit(self._part, maker, frames, requests[begin:end]))
            begin = end
        return [made for share in shares for made in share.result()]

    @staticmethod
    def _part(maker: Maker, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        if not requests:
            return []
        first, last = (f(k for r in requests for k in (r.first, r.second)) for f in (min, max))
        moved = [Request(r.first - first, r.second - first, r.t) for r in requests]
        return maker.make(frames[first : last + 1], moved)
