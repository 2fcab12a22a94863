"""Cover pictures in Matroska, which holds them as attached files, not as streams of video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av

from frame_booster.media.input.container import is_cover
from frame_booster.media.paths import readable
from frame_booster.media.pyav.tag_text import TAGS_AS_BYTES

_COVERS = {"png": "png", "mjpeg": "jpg"}
"""Suffixes of the files, by FFmpeg's names of the codecs."""


def attach_cover(container: Any, stream: Any, source: Path) -> bool:
    """Attaches the picture of a cover stream to a Matroska file; tells whether the stream was one.

    Args:
      container: of the output, open, before its header is written.
      stream: of the source.
      source: the source's path.
    """
    kind = _COVERS.get(getattr(stream.codec_context, "name", ""))
    if kind is None or not is_cover(stream) or not source.is_file():
        return False
    # An attachment is part of the header, so it is read before the stream comes to it.
    with av.open(readable(source), **TAGS_AS_BYTES) as reading:
        picture = next((bytes(p) for p in reading.demux(reading.streams[stream.index]) if p.size), None)
    if picture is None:
        return False
    container.add_attachment(f"cover.{kind}", f"image/{'jpeg' if kind == 'jpg' else kind}", picture)
    return True
