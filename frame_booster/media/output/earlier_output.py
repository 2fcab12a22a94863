"""The check of an output of an earlier run, before it is kept instead of being made again.

The packets that were written to it are unknown by now: only readability and duration can be checked.
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
"""Tolerance for the duration of a short output, relative to the expected duration."""


def check_whole(path: Path, expected: Fraction | None) -> None:
    """Checks that an output of an earlier run can be demuxed to its end and is long enough. Nothing is decoded.

    Args:
      path: a file, or a folder of images.
      expected: expected duration of the video, in s; None if unknown.

    Raises:
      OutputError: the output is broken or ends too early.
    """
    if path.is_dir():
        if not any(p.is_file() and p.stat().st_size for p in path.iterdir()):
            raise OutputError("has no images", path=path)
        return
    if path.suffix.lower() == ".webp":
        # FFmpeg cannot read animated WebP.
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
        raise OutputError(f"it has {count} frames instead of the {listed} in its index", path=path)
    for wanted, why in ((told, "in its header"), (expected, "expected")):
        if wanted and wanted - (end - min(first, 0)) > min(TRUNCATED_BY, wanted * _FITS):
            raise OutputError(f"it ends at {float(end):.2f} s instead of the {float(wanted):.2f} s {why}", path=path)
