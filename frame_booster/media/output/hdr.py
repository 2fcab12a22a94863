"""HDR10 metadata: converts a frame's side data to parameters of the encoder.

Mastering display colour volume: SMPTE ST 2086; content light level: CTA-861.3. PyAV returns both as bytes of FFmpeg's
structures (libavutil/mastering_display_metadata.h) and cannot write them to a stream, but the common encoders for HDR
accept them as text and write them into the stream.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import av

from frame_booster.media.frames.side_data import side_data

_X26X = {"libx265": "x265-params", "libx264": "x264-params"}


@dataclass(frozen=True)
class MasteringDisplay:
    """The display on which a video was graded."""

    red: tuple[Fraction, Fraction]
    """Chromaticity (x, y), as of the other colours."""
    green: tuple[Fraction, Fraction]
    blue: tuple[Fraction, Fraction]
    white: tuple[Fraction, Fraction]
    least: Fraction
    """Minimum luminance in cd/m2."""
    most: Fraction
    """Maximum luminance in cd/m2."""


@dataclass(frozen=True)
class ContentLight:
    """Light level of the brightest pixel and highest mean light level of a frame, both in cd/m2."""

    max_cll: int
    max_fall: int


def mastering_display(frame: av.VideoFrame) -> MasteringDisplay | None:
    """Returns a frame's mastering display; None if it has none or an incomplete one."""
    data = side_data(frame, "MASTERING_DISPLAY_METADATA")
    if data is None or len(data) < 88:
        return None
    numbers = struct.unpack_from("=22i", data)
    if not (numbers[20] and numbers[21]):
        return None
    values = [Fraction(n, d) if d else Fraction(0) for n, d in zip(numbers[:20:2], numbers[1:20:2], strict=True)]
    pairs = [(values[k], values[k + 1]) for k in range(0, 8, 2)]
    return MasteringDisplay(pairs[0], pairs[1], pairs[2], pairs[3], least=values[8], most=values[9])


def content_light(frame: av.VideoFrame) -> ContentLight | None:
    """Returns a frame's content light level; None if it has none."""
    data = side_data(frame, "CONTENT_LIGHT_LEVEL")
    if data is None or len(data) < 8:
        return None
    return ContentLight(*struct.unpack_from("=2I", data))


def hdr_parameters(codec: str, frame: av.VideoFrame) -> tuple[str, str] | None:
    """Returns the encoder option for HDR metadata and its value for a frame.

    Args:
      codec: FFmpeg's name of the encoder.
      frame: the first frame of the video.

    Returns:
      (option, value), the value being empty if the frame has no such metadata; None if it has, but this encoder cannot
      accept it.
    """
    display, light = mastering_display(frame), content_light(frame)
    option = _X26X.get(codec) or ("svtav1-params" if codec == "libsvtav1" else None)
    if display is None and light is None:
        return option or "", ""
    if option is None:
        return None
    svt = codec == "libsvtav1"
    parts = []
    if display is not None:
        unit, power = (1, 1) if svt else (50000, 10000)
        corners = "".join(
            f"{name}({_number(x * unit, svt)},{_number(y * unit, svt)})"
            for name, (x, y) in (
                ("G", display.green),
                ("B", display.blue),
                ("R", display.red),
                ("WP", display.white),
            )
        )
        volume = f"{corners}L({_number(display.most * power, svt)},{_number(display.least * power, svt)})"
        parts.append(f"{'master-display' if codec == 'libx265' else 'mastering-display'}={volume}")
    if light is not None:
        key = {"libx265": "max-cll", "libx264": "cll"}.get(codec, "content-light")
        parts.append(f"{key}={light.max_cll},{light.max_fall}")
    return option, ":".join(parts)


def _number(value: Fraction, decimal: bool) -> str:
    # SVT-AV1 reads decimals; x264 and x265 read multiples of 0.00002 (chromaticity) and 0.0001 cd/m2 (luminance).
    return f"{float(value):.5f}" if decimal else str(round(value))
