"""What FFmpeg says of a frame in its log: facts that PyAV does not give, or not safely."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from frame_booster.media.frames.filters import Filter
from frame_booster.media.pyav.ffmpeg_log import logged


def showinfo(frame: av.VideoFrame) -> str:
    """Returns the text of FFmpeg's filter of that name. For single frames: all threads wait for FFmpeg's log."""
    return logged(lambda: _Showinfo(frame, Fraction(1)).pass_one(frame))


class _Showinfo(Filter):
    """Passes frames on and logs what they are."""

    def _build(self, graph: Any, source: Any, sink: Any) -> None:
        info = graph.add("showinfo", checksum="0")
        source.link_to(info)
        info.link_to(sink)
