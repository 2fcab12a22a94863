"""Cover art in Matroska, which stores it as an attachment, not as a video stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av

from frame_booster.media.input.container import is_cover
from frame_booster.media.paths import readable
from frame_booster.media.pyav.tag_text import TAGS_AS_BYTES

_COVERS = {"png": "png", "mjpeg": "jpg"}
"""File suffixes of cover images, by FFmpeg's codec names."""


def attach_cover(container: Any, stream: Any, source: Path) -> bool:
    """Attaches the image of a cover art stream to a Matroska file.

    Args:
      container: container of the output, open, before its header is written.
      stream: stream of the source.
      source: path of the source.

    Returns:
      Whether an image was attached: not if the stream is no cover art in PNG or JPEG, or the source is no file.
    """
    kind = _COVERS.get(getattr(stream.codec_context, "name", ""))
    if kind is None or not is_cover(stream) or not source.is_file():
        return False
    # Attachments are part of the header, so the image is read before the source is demuxed.
    with av.open(readable(source), **TAGS_AS_BYTES) as reading:
        picture = next((bytes(p) for p in reading.demux(reading.streams[stream.index]) if p.size), None)
    if picture is None:
        return False
    container.add_attachment(f"cover.{kind}", f"image/{'jpeg' if kind == 'jpg' else kind}", picture)
    return True
