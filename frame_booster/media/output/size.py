"""Estimates the size of an output before its first frame: a likely size, and a lower limit.

With constant quality the size depends on the content, so it is known only after encoding. The likely size is between
that of typical video and that derived from the source. The lower limit is far below both, so that no run is refused
wrongly.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from fractions import Fraction

import av

from frame_booster.errors import InputError
from frame_booster.option_values import parse_bitrate

_USUAL_BITS = {
    **dict.fromkeys(("libx264", "h264_nvenc", "h264_qsv", "h264_videotoolbox"), (18, 6, 0.15)),
    "libx264rgb": (18, 6, 0.3),
    **dict.fromkeys(("libx265", "hevc_nvenc", "hevc_qsv", "hevc_videotoolbox"), (20, 6, 0.1)),
    **dict.fromkeys(("libsvtav1", "av1_nvenc", "av1_qsv"), (28, 10, 0.08)),
    "libvpx-vp9": (24, 10, 0.1),
}
"""For encoders with constant quality: a CRF, the increase of CRF that halves the size, and the usual bits per pixel of
a source frame at that CRF. These are rough figures from the clips in docs/performance.md."""
_INTERPOLATED = 0.5
"""Size of an interpolated frame relative to a source frame; at most, since it has no detail of its own."""
_OF_RAW = {
    "rawvideo": (1.0, 0.99),
    "ffv1": (0.45, 0.03),
    "gif": (0.3, 0.01),
    "libwebp_anim": (0.3, 0.01),
    "png": (0.5, 0.01),
    "tiff": (0.6, 0.01),
    "bmp": (1.0, 0.99),
    "exr": (0.6, 0.01),
    "mjpeg": (0.2, 0.01),
    "prores_ks": (0.15, 0.01),
}
"""For intra-only encoders: the usual size and the lower limit, relative to uncompressed frames."""
_LEAST = 0.05
"""Lower limit of the size with constant quality, relative to the lower of two estimates."""
_CODED = frozenset({"crf", "cq", "global_quality", "q"})


@dataclass(frozen=True)
class Size:
    """Estimated size of an output, in bytes."""

    likely: int
    least: int
    """Lower limit, hardly ever undercut."""


@dataclass(frozen=True)
class Content:
    """Facts about an output that determine its size.

    Attributes:
      width, height: size of the frames in px.
      pix_fmt: pixel format of the encoder.
      frames_in: number of frames of the source.
      frames: number of frames of the output.
      seconds: duration of the output in s.
      source_bytes: size in bytes of the part of the source that is read, all streams; None if unknown.
      others_bits: bit rate of the other streams in bits per second, as far as known.
    """

    width: int
    height: int
    pix_fmt: str
    frames_in: int
    frames: int
    seconds: Fraction
    source_bytes: int | None
    others_bits: int = 0


def size_of(codec: str, settings: dict[str, str], content: Content) -> Size:
    """Returns the estimated size of an output.

    Args:
      codec: FFmpeg's name of the encoder.
      settings: options with which the encoder is opened.
      content: facts about the output.
    """
    others = int(content.others_bits * content.seconds / 8)
    pixels = content.width * content.height
    if codec in _OF_RAW:
        bits = 8 if content.pix_fmt == "pal8" else av.VideoFormat(content.pix_fmt, 16, 16).bits_per_pixel
        raw = pixels * bits * content.frames // 8
        usual, least = _OF_RAW[codec]
        return Size(int(raw * usual) + others, int(raw * least))
    rate = _bit_rate(settings)
    if rate:
        video = int(rate * content.seconds / 8)
        return Size(video + others, video // 4)
    shown_more = 1 + _INTERPOLATED * max(content.frames / max(content.frames_in, 1) - 1, 0)
    guesses = []
    if content.source_bytes is not None:
        guesses.append(max(content.source_bytes - others, 0) * shown_more)
    if codec in _USUAL_BITS:
        crf, halves, bits = _USUAL_BITS[codec]
        asked = next((float(value) for key, value in settings.items() if key in _CODED and _is_number(value)), crf)
        guesses.append(pixels * content.frames_in * shown_more * bits * 2 ** ((crf - asked) / halves) / 8)
    if not guesses:
        return Size(others, 0)
    likely = math.prod(guesses) ** (1 / len(guesses))
    return Size(int(likely) + others, int(min(guesses) * _LEAST))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _bit_rate(settings: dict[str, str]) -> int:
    """Returns the requested bit rate in bits per second; 0 with constant quality."""
    for key in ("b", "b:v", "bitrate"):
        if key in settings:
            with contextlib.suppress(InputError):
                return parse_bitrate(settings[key])
    return 0
