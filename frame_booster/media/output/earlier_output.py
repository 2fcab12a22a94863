"""The check of an output that an earlier run has made, before it is kept in place of a new one.

What went into it is not known any more: all that can be seen is whether it can be read, and how long it is.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import av.error

from frame_booster.errors import FrameBoosterError, OutputError
from frame_booster.media.input.truncation import TRUNCATED_BY
from frame_booster.media.input.webp import webp_frames
from frame_booster.media.paths import url
from frame_booster.media.pyav.rational import exact
from frame_booster.media.pyav.tag_text import TAGS_AS_BYTES

_FITS = Fraction(1, 5)
"""Share of its length by which a short output may differ from what is expected of it."""


def check_whole(path: Path, expected: Fraction | None) -> None:
    """Checks that an output of an earlier run can be read to its end, and is as long as it should be.

    Nothing is decoded.

    Args:
      path: a file, or a folder of pictures.
      expected: how long its video should last, s; None is not known.

    Raises:
      OutputError: it is broken, or it ends too early.
    """
    if path.is_dir():
        if not any(p.is_file() and p.stat().st_size for p in path.iterdir()):
            raise OutputError("has no pictures", path=path)
        return
    if path.suffix.lower() == ".webp":
        # FFmpeg reads no animation of that kind.
        try:
            webp_frames(path)
        except FrameBoosterError as error:
            raise OutputError(f"it cannot be read: {error.message}", path=path) from error
        return
    count, listed, first, end, told = 0, 0, None, Fraction(0), Fraction(0)
    try:
        with av.open(url(path), **TAGS_AS_BYTES) as container:
            video = container.streams.video[0]
            base = exact(video.time_base) or Fraction(1)
            listed = video.frames
            told = Fraction(container.duration or 0, av.time_base)
            for packet in container.demux():
                if packet.size and packet.stream.index == video.index and packet.pts is not None:
                    count += 1
                    first = packet.pts * base if first is None else min(first, packet.pts * base)
                if packet.size and packet.pts is not None and packet.time_base is not None:
                    shown = (packet.pts + (packet.duration or 0)) * (exact(packet.time_base) or Fraction(0))
                    end = max(end, shown)
    except (av.error.FFmpegError, IndexError) as error:
        raise OutputError(f"it cannot be read: {error}", path=path) from error
    if not count or first is None:
        raise OutputError("it has no frames", path=path)
    if count < listed:
        raise OutputError(f"it has {count} frames of the {listed} that it lists", path=path)
    for wanted, why in ((told, "its header says"), (expected, "are expected")):
        if wanted and wanted - (end - min(first, 0)) > min(TRUNCATED_BY, wanted * _FITS):
            raise OutputError(f"it ends at {float(end):.2f} s, while {why} {float(wanted):.2f} s", path=path)
