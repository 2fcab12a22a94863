"""Side data of decoded frames: what FFmpeg attaches to a frame beside its pixels (captions, HDR, rotation, ...)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
from av.sidedata.sidedata import SideDataContainer, Type

from frame_booster.media.frames.filters import Filter
from frame_booster.media.frames.showinfo import showinfo

_AFTER_KNOWN = range(max(kind.value for kind in Type) + 1, max(kind.value for kind in Type) + 17)
"""Numbers of AVFrameSideDataType that a later FFmpeg may use and this PyAV has no name for."""


_OF_PNG = ("rgb", "bgr", "gbr", "gray", "ya", "pal", "mono")
"""What the names of the pixel formats begin with that PNG, and what is made of it without scaling, has."""


def side_data(frame: av.VideoFrame, kind: str) -> bytes | None:
    """Returns a frame's side data of a kind; None if it has none.

    Args:
      frame: any frame.
      kind: FFmpeg's name without its prefix, as "A53_CC" or "DISPLAYMATRIX" (`av.sidedata.sidedata.Type`).
    """
    found = _container(frame).get(Type[kind])
    return None if found is None else bytes(found)


def has_profile(frame: av.VideoFrame) -> bool:
    """Tells whether a frame has a colour profile of the ICC (ISO 15076-1)."""
    if frame.format.name.startswith(_OF_PNG):
        return "ICC profile" in showinfo(frame)
    return side_data(frame, "ICC_PROFILE") is not None


def _container(frame: av.VideoFrame) -> Any:
    """Returns PyAV's mapping of a frame's side data.

    Not `frame.side_data`: that one and its frame hold each other, so that the frame's memory is only given back when
    Python looks for cycles, which beside TensorFlow's millions of objects it seldom does.

    An ICC profile is not in it where it can be that of a PNG: FFmpeg notes its name as well, and PyAV frees that note
    though it is the frame's, which ends the process.
    """
    if frame.format.name.startswith(_OF_PNG):
        frame = SideDataRemoval(frame, ["ICC_PROFILE"]).take_off(frame)
    try:
        return SideDataContainer(frame)
    except ValueError:
        # PyAV raises where any one is of a kind that it has no name for, as EXIF of FFmpeg 8 in PyAV 18.
        known = SideDataRemoval(frame, [str(number) for number in _AFTER_KNOWN]).take_off(frame)
        return SideDataContainer(known)


class SideDataCopy(Filter):
    """Copies of frames, to be filled with other pixels, with all that accompanies a picture: profile, orientation.

    Args:
      like: a frame of the size and pixel format of all.
    """

    def __init__(self, like: av.VideoFrame) -> None:
        super().__init__(like, Fraction(1))

    def _build(self, graph: Any, source: Any, sink: Any) -> None:
        # Captions are of a moment; they come with the frame that they are for.
        captions, copy = graph.add("sidedata", mode="delete", type="A53_CC"), graph.add("copy")
        source.link_to(captions)
        captions.link_to(copy)
        copy.link_to(sink)

    def of(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Returns a copy of a frame, its pixels in memory of its own, with the frame's side data but for captions."""
        return self.pass_one(frame)


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
        return self.pass_one(frame)
