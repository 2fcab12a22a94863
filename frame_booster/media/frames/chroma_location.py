"""Where in a block of luma its chroma sample lies, on every PyAV."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from frame_booster.media.frames.filters import Filter
from frame_booster.media.pyav.ffmpeg_log import logged

LOCATIONS = ("unspecified", "left", "center", "topleft", "top", "bottomleft", "bottom")
"""FFmpeg's names, in the order of AVChromaLocation (H.273, 8.7)."""
ENCODER_OPTION = "chroma_sample_location"
"""FFmpeg's own option of every encoder: PyAV has an attribute for it only since 19."""


def chroma_location(frame: av.VideoFrame) -> str:
    """Returns one of `LOCATIONS`."""
    known: Any = getattr(frame, "chroma_location", None)
    if known is not None:
        return LOCATIONS[int(known)]
    # FFmpeg's showinfo names it in its log: before PyAV 19 frames cannot tell.
    pts, time_base = frame.pts, frame.time_base
    frame.pts, frame.time_base = 0, Fraction(1)
    said = logged(lambda: _Showinfo(frame, Fraction(1)).push(frame))
    frame.pts = pts
    if time_base is not None:
        frame.time_base = time_base
    words = [word for word in said.split() if word.startswith("cl:")]
    name = words[0].removeprefix("cl:") if words else LOCATIONS[0]
    return name if name in LOCATIONS else LOCATIONS[0]


class _Showinfo(Filter):
    """Passes frames on and logs what they are."""

    def _build(self, graph: Any, source: Any, sink: Any) -> None:
        info = graph.add("showinfo", checksum="0")
        source.link_to(info)
        info.link_to(sink)
