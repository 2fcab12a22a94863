"""Side data of decoded frames: what FFmpeg attaches to a frame beside its pixels (captions, HDR, rotation, ...)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
from av.sidedata.sidedata import SideDataContainer, Type

from frame_booster.media.frames.filters import Filter

_AFTER_KNOWN = range(max(kind.value for kind in Type) + 1, max(kind.value for kind in Type) + 17)
"""Numbers of AVFrameSideDataType that a later FFmpeg may use and this PyAV has no name for."""


def side_data(frame: av.VideoFrame, kind: str) -> bytes | None:
    """Returns a frame's side data of a kind; None if it has none.

    Args:
      frame: any frame.
      kind: FFmpeg's name without its prefix, as "A53_CC" or "DISPLAYMATRIX" (`av.sidedata.sidedata.Type`).
    """
    found = _container(frame).get(Type[kind])
    return None if found is None else bytes(found)


def _container(frame: av.VideoFrame) -> Any:
    """Returns PyAV's mapping of a frame's side data.

    Not `frame.side_data`: that one and its frame hold each other, so that the frame's memory is only given back when
    Python looks for cycles, which beside TensorFlow's millions of objects it seldom does.
    """
    try:
        return SideDataContainer(frame)
    except ValueError:
        # PyAV raises where any one is of a kind that it has no name for, as EXIF of FFmpeg 8 in PyAV 18.
        known = SideDataRemoval(frame, [str(number) for number in _AFTER_KNOWN]).take_off(frame)
        return SideDataContainer(known)


class SideDataRemoval(Filter):
    """FFmpeg's sidedata filter: takes side data of some kinds off frames; no pixels are copied.

    Args:
      like: a frame of the size and pixel format of all.
      kinds: as `side_data` takes them, or numbers.
    """

    def __init__(self, like: av.VideoFrame, kinds: Sequence[str]) -> None:
        self._kinds = kinds
        super().__init__(like, Fraction(1))

    def _build(self, graph: Any, source: Any, sink: Any) -> None:
        last = source
        for kind in self._kinds:
            link = graph.add("sidedata", mode="delete", type=kind)
            last.link_to(link)
            last = link
        last.link_to(sink)

    def take_off(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Returns a frame of the same pixels and times without the side data."""
        pts, time_base = frame.pts, frame.time_base
        frame.pts, frame.time_base = 0, Fraction(1)
        [made] = self.push(frame)
        frame.pts = made.pts = pts
        if time_base is not None:
            frame.time_base = made.time_base = time_base
        return made
