"""Finds hardware encoders that work on this machine by encoding frames: FFmpeg lists them even without the hardware."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import av.error

from frame_booster.media.frames.pixel_formats import what_is_lost
from frame_booster.media.output.encoders import (
    ENCODERS,
    HARDWARE_SUFFIXES,
    available_encoders,
    choose_pixel_format,
    encoder_options,
)
from frame_booster.options import EncoderOptions

_HARDWARE = tuple(name for name in ENCODERS if name.endswith(HARDWARE_SUFFIXES))


def usable_hardware_encoder(path: Path, names: Sequence[str] = _HARDWARE) -> str | None:
    """Returns a hardware encoder that works on this machine for the codec, size and pixel format of a video.

    Args:
      path: path of a video that was encoded in software. There are hardware encoders only for H.264, H.265 and AV1.
      names: encoders to try.

    Returns:
      The name of the encoder, which has encoded frames in a trial; None if there is none.
    """
    try:
        with av.open(str(path)) as container:
            context = container.streams.video[0].codec_context
            coding, pix_fmt, size = context.codec.canonical_name, context.pix_fmt, (context.width, context.height)
    except (av.error.FFmpegError, OSError, IndexError):
        return None
    if pix_fmt is None:
        return None
    for name in set(available_encoders()) & set(names):
        if av.codec.Codec(name, "w").canonical_name == coding and works(name, pix_fmt, size):
            return name
    return None


def works(name: str, pix_fmt: str, size: tuple[int, int]) -> bool:
    """Returns whether an encoder works here for a pixel format, without loss, and a size, (width, height) in px."""
    chosen = choose_pixel_format(name, pix_fmt, None)
    if what_is_lost(pix_fmt, chosen) is not None:
        return False
    try:
        with av.open(BytesIO(), "w", format="nut") as container:
            stream = container.add_stream(name, rate=25, options=encoder_options(name, EncoderOptions()))
            context = stream.codec_context
            context.width, context.height, context.pix_fmt = *size, chosen
            context.time_base = Fraction(1, 25)
            packets = []
            for pts in range(2):
                frame = av.VideoFrame(*size, chosen)
                frame.pts, frame.time_base = pts, context.time_base
                packets += stream.encode(frame)
            return bool(packets + stream.encode(None))
    except (av.error.FFmpegError, ValueError):
        return False
