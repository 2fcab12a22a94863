"""How large an output will be, as far as that can be told before its first frame: a likely size, and a least one.

A constant quality gives as many bytes as the pictures need, which only encoding tells. The likely size lies between
what such video usually takes and what the source takes; the least one is far below both, so that no run is refused
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
"""Of encoders of constant quality: a CRF, by how much more of it halves the size, and the bits that a pixel of a source
frame then usually takes; rough figures, of the clips in docs/performance.md."""
_INTERPOLATED = 0.5
"""What an interpolated frame takes of such an encoder's source frame, or less: it has no detail of its own."""
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
"""Of encoders that code each frame by itself: the usual share of the bytes of its pixels, and a least one."""
_LEAST = 0.05
"""Share of the lower of two guesses below which an encoder of constant quality hardly ever comes."""
_CODED = frozenset({"crf", "cq", "global_quality", "q"})


@dataclass(frozen=True)
class Size:
    """Bytes of an output, roughly."""

    likely: int
    least: int
    """What it will hardly be less than."""


@dataclass(frozen=True)
class Content:
    """What an output is to hold, as far as it is known.

    Attributes:
      width, height: of its frames, px.
      pix_fmt: that they are encoded in.
      frames_in: of the source.
      frames: of the output.
      seconds: that the output lasts.
      source_bytes: of the part of the source, all streams; None where it has no size.
      others_bits: bits a second of its other streams, as far as they say.
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
    """Returns the size of an output.

    Args:
      codec: FFmpeg's name of the encoder.
      settings: that it is opened with.
      content: what it is to encode.
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
    """Returns the bit rate that an encoder is asked for; 0 where it goes by quality."""
    for key in ("b", "b:v", "bitrate"):
        if key in settings:
            with contextlib.suppress(InputError):
                return parse_bitrate(settings[key])
    return 0
