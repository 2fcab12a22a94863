"""Where in a block of luma its chroma sample lies, on every PyAV."""

from __future__ import annotations

from typing import Any

import av

from frame_booster.media.frames.showinfo import showinfo

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
    words = [word for word in showinfo(frame).split() if word.startswith("cl:")]
    name = words[0].removeprefix("cl:") if words else LOCATIONS[0]
    return name if name in LOCATIONS else LOCATIONS[0]
