"""A quick look at a video: two neighbouring frames at key frames spread over it, and the next key frame after them.

A film of two hours is looked at in seconds: of all its frames a few at each place are decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from frame_booster.media.frames.planes import planar
from frame_booster.media.input.container import open_input
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import SourceFrame
from frame_booster.media.input.video_stream import choose_video
from frame_booster.media.pyav.rational import exact
from frame_booster.options import InputOptions

_PATIENCE = 80
"""Packets after a key frame within which two frames must come out of the decoder."""
_FAR = 600
"""Packets after a key frame within which the next one is looked for."""


@dataclass(frozen=True)
class Sample:
    """A place of a video."""

    time: Fraction
    """Of the first frame, s, as `open_source` takes a start."""
    first: av.VideoFrame
    """In one component a plane."""
    second: av.VideoFrame
    """The one after it."""
    next_key: av.VideoFrame | None = None
    """The next key frame; None where it is far."""
    next_time: Fraction = Fraction(0)
    """Of that, s."""


def samples(
    path: Path, options: InputOptions, begin: Fraction, end: Fraction, count: int, *, seekable: bool
) -> Iterator[Sample]:
    """Yields places of a video, in their order.

    Args:
      path: of the video.
      options: how to read it.
      begin, end: the part to look at, s.
      count: how many places at most; key frames that are the same twice are given once.
      seekable: whether it is a file that FFmpeg seeks in; pictures and animations are opened at each place instead.
    """
    targets = [begin + (end - begin) * (2 * k + 1) / (2 * count) for k in range(count)]
    if not seekable:
        for target in targets:
            yield from _opened_at(path, options, target)
        return
    container = open_input(path, options)
    try:
        stream = choose_video(container, path, options).stream
        # Frame threads hold back as many frames as there are threads.
        stream.thread_type = "SLICE"
        origin = Fraction(container.start_time or 0, av.time_base)
        base = exact(stream.time_base)
        if base is None:
            return
        last: Fraction | None = None
        for target in [begin, *targets]:
            try:
                container.seek(int((origin + target) / base), stream=stream)
                found = _at(container, stream, base, origin)
            except (av.error.FFmpegError, ValueError):
                # A damaged place, or a format without an index.
                continue
            if found is not None and found.time != last and begin <= found.time < end:
                last = found.time
                yield found
    finally:
        container.close()


def _opened_at(path: Path, options: InputOptions, target: Fraction) -> Iterator[Sample]:
    frames = []
    with open_source(path, options, start=target, duration=Fraction(1)) as source:
        for item in source.items(packets=False):
            if isinstance(item, SourceFrame):
                frames.append(item.frame)
            if len(frames) == 2:
                break
    if len(frames) == 2:
        yield Sample(target, frames[0], frames[1])


def _at(container: Any, stream: Any, base: Fraction, origin: Fraction) -> Sample | None:
    """Reads on from a key frame."""
    frames: list[av.VideoFrame] = []
    key: av.Packet | None = None
    for number, packet in enumerate(container.demux(stream)):
        if packet.size and number and packet.is_keyframe and len(frames) >= 2:
            key = packet
            break
        if len(frames) < 2:
            frames += [frame for frame in packet.decode() if frame.pts is not None]
        if number > (_PATIENCE if len(frames) < 2 else _FAR):
            break
    if len(frames) < 2:
        return None
    frames.sort(key=lambda frame: frame.pts)
    later = None
    if key is not None:
        context = stream.codec_context
        context.flush_buffers()
        later = next(iter([*context.decode(key), *context.decode(None)]), None)
    return Sample(
        frames[0].pts * base - origin,
        planar(frames[0]),
        planar(frames[1]),
        None if later is None else planar(later),
        Fraction(0) if later is None or later.pts is None else later.pts * base - origin,
    )
