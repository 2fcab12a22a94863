"""Known video encoders with their default quality, and the choice of encoder, options and pixel format.

Other encoders of FFmpeg work as well, with the options that the user gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import av
import av.codec

from frame_booster.errors import EncodeError, InputError
from frame_booster.media.frames.pixel_formats import chroma_steps, depth_of, has_alpha
from frame_booster.options import EncoderOptions


@dataclass(frozen=True)
class Encoder:
    """Defaults of an encoder; `crf` and `preset` are the names of its options for --crf and --preset."""

    options: dict[str, str] = field(default_factory=dict)
    crf: str | None = "crf"
    preset: str | None = "preset"
    crf_range: tuple[int, int] | None = None
    """Range of --crf. None leaves the check to FFmpeg, which knows the range of some encoders; x264 clips silently."""


_OF_X264 = (0, 51)

ENCODERS: dict[str, Encoder] = {
    "libx264": Encoder({"crf": "18", "preset": "medium"}, crf_range=_OF_X264),
    "libx264rgb": Encoder({"crf": "18", "preset": "medium"}, crf_range=_OF_X264),
    "libx265": Encoder({"crf": "20", "preset": "medium", "x265-params": "log-level=error"}, crf_range=_OF_X264),
    "libsvtav1": Encoder({"crf": "28", "preset": "8"}),
    "libvpx-vp9": Encoder(
        {"crf": "24", "b": "0", "row-mt": "1", "cpu-used": "2"}, preset="cpu-used", crf_range=(0, 63)
    ),
    "gif": Encoder({}, crf=None, preset=None),
    # Of PNG's filters, "mixed" gives the smallest files on average.
    "apng": Encoder({"pred": "mixed"}, crf=None, preset=None),
    "libwebp_anim": Encoder({"lossless": "1"}, crf="quality", preset=None),
    "rawvideo": Encoder({}, crf=None, preset=None),
    "ffv1": Encoder({"level": "3", "slicecrc": "1"}, crf=None, preset=None),
    "prores_ks": Encoder({}, crf=None, preset="profile"),
    # Without `strict`, it rejects code values of limited range, which it marks by a comment in the images.
    "mjpeg": Encoder({"qmin": "2", "qmax": "2", "strict": "unofficial"}, crf=None, preset=None),
    "h264_nvenc": Encoder({"cq": "19", "preset": "p5"}, crf="cq"),
    "hevc_nvenc": Encoder({"cq": "21", "preset": "p5"}, crf="cq"),
    "av1_nvenc": Encoder({"cq": "26", "preset": "p5"}, crf="cq"),
    "h264_videotoolbox": Encoder({"q": "65"}, crf="q", preset=None),
    "hevc_videotoolbox": Encoder({"q": "65"}, crf="q", preset=None),
    "h264_qsv": Encoder({"global_quality": "19"}, crf="global_quality"),
    "hevc_qsv": Encoder({"global_quality": "21"}, crf="global_quality"),
    "av1_qsv": Encoder({"global_quality": "26"}, crf="global_quality"),
}

_QUANTISED = frozenset(
    {"mpeg1video", "mpeg2video", "mpeg4", "msmpeg4", "msmpeg4v2", "h263", "h263p", "flv", "wmv1", "wmv2"}
)
"""Encoders for which FFmpeg's default is 200 kbit/s at any size: their default here is the finest quantiser."""
_FINEST = {"qmin": "2", "qmax": "3"}

_RATE_CONTROL = frozenset({"b", "bitrate", "cq", "cqp", "crf", "global_quality", "lossless", "q", "qp", "qscale", "rc"})


def available_encoders() -> list[str]:
    """Returns the known encoders that this PyAV's FFmpeg has."""
    return [name for name in ENCODERS if name in av.codec.codecs_available and _find(name) is not None]


HARDWARE_SUFFIXES = ("_nvenc", "_videotoolbox", "_qsv", "_vaapi", "_amf")
"""Suffixes in FFmpeg's names of hardware encoders."""

LIMITED_RANGE_ONLY = frozenset(
    {"prores", "prores_aw", "prores_ks", "cfhd", "mpeg1video", "mpeg2video", "mpeg4", "libxvid", "libvpx", "libtheora"}
    | {"magicyuv", "v210", "dvvideo", "h261", "h263", "h263p", "flv", "snow", "speedhq", "svq1", "asv1", "asv2"}
    | {"wmv1", "wmv2", "msmpeg4", "msmpeg4v2"}
)
"""Encoders whose streams cannot signal full range, so that players assume limited range; found by encoding with each
and reading back."""


def software_encoders() -> list[str]:
    """Returns the known and available encoders for video files that need no hardware."""
    kept = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "ffv1", "prores_ks")
    return [name for name in available_encoders() if name in kept]


def _find(name: str) -> Any:
    try:
        return av.codec.Codec(name, "w")
    except ValueError:
        # PyAV's UnknownCodecError is a ValueError.
        return None


_BY_FORMAT = {
    "webm": "libvpx-vp9",
    "gif": "gif",
    "webp": "libwebp_anim",
    "webp_anim": "libwebp_anim",
    "apng": "apng",
    # Video piped from one program to another is not compressed.
    "nut": "rawvideo",
    "yuv4mpegpipe": "rawvideo",
    "rawvideo": "rawvideo",
}
"""Default encoders of containers for which libx264 is unsuitable."""

_Y4M = [
    *("gray", "gray10le", "gray12le", "gray16le", "yuv411p"),
    *(f"yuv{chroma}p{depth}" for chroma in (420, 422, 444) for depth in ("", "10le", "12le", "14le", "16le")),
]
"""Pixel formats of yuv4mpegpipe (libavformat/yuv4mpegenc.c)."""
_PALETTE = ["pal8"]


_WITH_ALPHA = {"webm": "libvpx-vp9", "mov": "prores_ks"}
"""Default encoder of a source with alpha, by container, unless the user chose an encoder, CRF or preset."""


def choose_codec(options: EncoderOptions, format_name: str, source: str = "yuv420p") -> str:
    """Returns the name of the encoder for a container, after checking that it is available.

    Args:
      options: options of the user.
      format_name: FFmpeg's name of the container.
      source: pixel format of the decoded frames.

    Raises:
      EncodeError: this FFmpeg has no such video encoder.
    """
    name = options.codec or _BY_FORMAT.get(format_name, "libx264")
    alpha = _WITH_ALPHA.get(format_name) if has_alpha(source) and options.pix_fmt is None else None
    if options.codec is None and alpha is not None and options.crf is None and options.preset is None:
        name = alpha
    elif options.codec is None and format_name == "webm" and not _deep_enough(name, source):
        # libvpx is often built for 8 bits only; AV1, the other codec of WebM, has 10.
        name = "libsvtav1"
    codec = _find(name)
    if codec is None or codec.type != "video":
        raise EncodeError(f"unknown video encoder {name!r}", hint=f"use one of {', '.join(available_encoders())}")
    return name


def _deep_enough(name: str, source: str) -> bool:
    formats = [f.name for f in getattr(_find(name), "video_formats", None) or []]
    return any(depth_of(f) >= depth_of(source) for f in formats)


def loses_reordering(name: str, format_name: str) -> bool:
    """Returns whether a container loses the times of B frames, which are stored in decoding order.

    FFmpeg's MXF muxers write the reordering into the index only for MPEG-2.

    Args:
      name: name of the encoder.
      format_name: FFmpeg's name of the container.
    """
    codec = _find(name)
    return format_name in ("mxf", "mxf_opatom") and codec is not None and codec.canonical_name != "mpeg2video"


def encoder_options(name: str, options: EncoderOptions, format_name: str = "") -> dict[str, str]:
    """Returns the options with which an encoder is opened: its defaults, overridden by those of the user.

    Args:
      name: name of the encoder.
      options: options of the user.
      format_name: FFmpeg's name of the container.

    Raises:
      EncodeError: --crf or --preset is given, but the encoder has no such option.
      InputError: --crf is outside the encoder's range.
    """
    entry = ENCODERS.get(name, Encoder())
    if options.crf is not None and entry.crf_range is not None:
        lowest, highest = entry.crf_range
        if not lowest <= options.crf <= highest:
            raise InputError(f"--crf {options.crf:g} is out of range for {name}", hint=f"use {lowest} to {highest}")
    result = dict(entry.options)
    if loses_reordering(name, format_name):
        result["bf"] = "0"
    if name in _QUANTISED and not (_RATE_CONTROL | {"qmin", "qmax", "maxrate"}) & set(dict(options.options)):
        result.update(_FINEST)
    for flag, value, key in (("--crf", options.crf, entry.crf), ("--preset", options.preset, entry.preset)):
        if value is None:
            continue
        if key is None:
            raise EncodeError(f"{name} has no {flag}", hint="see --encoder-option")
        result[key] = f"{value:g}" if isinstance(value, int | float) else value
    if options.crf is not None:
        # A requested quality replaces lossless mode, the default of some encoders.
        result.pop("lossless", None)
    given = dict(options.options)
    if options.crf is None and entry.crf is not None and _RATE_CONTROL & set(given):
        # The user's rate control and the default quality exclude each other, and encoders would use the default.
        result.pop(entry.crf, None)
    result.update(given)
    return result


def options_asked_for(name: str, options: EncoderOptions) -> set[str]:
    """Returns the names of those `encoder_options` that the user has set."""
    entry = ENCODERS.get(name, Encoder())
    asked = {key for key, value in ((entry.crf, options.crf), (entry.preset, options.preset)) if value is not None}
    return {key for key in asked if key is not None} | set(dict(options.options))


_WHOLE_BLOCKS = frozenset({"libx264", "libx265"})
"""Encoders that require width and height to be multiples of the chroma subsampling."""


def container_for(codec: str) -> str | None:
    """Returns the suffix of a common container that holds an encoder's video; None if there is none."""
    for format_name, suffix in (("matroska", ".mkv"), ("mov", ".mov"), ("nut", ".nut"), ("flv", ".flv")):
        if _takes(format_name, codec) or needs_riff_header(codec, format_name):
            return suffix
    return None


def needs_riff_header(name: str | None, format_name: str) -> bool:
    """Returns whether Matroska can hold an encoder's video only with an AVI header (codec ID V_MS/VFW/FOURCC).

    PyAV rejects such codecs for Matroska, so `muxer.open_output` reaches its muxer through FFmpeg's tee muxer.

    Args:
      name: name of the encoder; None is the container's default.
      format_name: FFmpeg's name of the container.
    """
    if name is None or format_name != "matroska" or (codec := _find(name)) is None or codec.type != "video":
        return False
    return _takes("avi", name) and not _takes("matroska", name)


def _takes(format_name: str, name: str) -> bool:
    with av.open(BytesIO(), "w", format=format_name) as trial:
        try:
            trial.add_stream(name, rate=25)
        except ValueError:
            return False
    return True


def _is_gray(pix_fmt: str) -> bool:
    return pix_fmt.startswith(("gray", "ya", "mono"))


def holds_size(name: str, pix_fmt: str, size: tuple[int, int]) -> bool:
    """Returns whether an encoder accepts frames of a size, (width, height) in px, in a pixel format."""
    return name not in _WHOLE_BLOCKS or not any(
        side % step for side, step in zip(size, chroma_steps(pix_fmt), strict=True) if not pix_fmt.startswith("gray")
    )


def choose_pixel_format(
    name: str, source: str, asked: str | None, format_name: str = "", size: tuple[int, int] | None = None
) -> str:
    """Returns the pixel format for encoding: the requested one, else the source's, else the nearest.

    Args:
      name: name of the encoder.
      source: pixel format of the decoded frames.
      asked: pixel format that the user requests, or None.
      format_name: FFmpeg's name of the container.
      size: (width, height) of the frames in px; None ignores restrictions of the size.

    Raises:
      EncodeError: the encoder does not accept the requested format, or not at this size.
    """
    formats = [f.name for f in _find(name).video_formats or []]
    if name.startswith("libvpx"):
        # libvpx lists other formats with alpha, but rejects them.
        formats = [f for f in formats if f == "yuva420p" or not has_alpha(f)]
    elif name == "libx265" and asked is None:
        # libx265 lists formats with alpha, but most builds reject them.
        formats = [f for f in formats if not has_alpha(f)]
    if format_name == "yuv4mpegpipe":
        formats = _Y4M
    elif name == "gif":
        formats = _PALETTE
    if asked is not None:
        if formats and asked not in formats:
            raise EncodeError(f"{name} does not support pixel format {asked}", hint=f"it supports {', '.join(formats)}")
        if size is not None and not holds_size(name, asked, size):
            across, down = chroma_steps(asked)
            raise EncodeError(
                f"{name} cannot encode {size[0]}x{size[1]} in {asked}: the size must be a multiple of {across}x{down}",
                hint="remove --pix-fmt, or use --codec libvpx-vp9 or ffv1, which can",
            )
        return asked
    # A palette of 256 colours is a last resort.
    formats = [f for f in formats if f not in _PALETTE] or formats
    if size is not None:
        formats = [f for f in formats if holds_size(name, f, size)] or formats
    if not formats or source in formats:
        return source
    wanted = chroma_steps(source)

    def distance(candidate: str) -> tuple[int, int, int, int, int, int]:
        have, want = av.VideoFormat(candidate, 64, 64), av.VideoFormat(source, 64, 64)
        steps = list(zip(chroma_steps(candidate), wanted, strict=True))
        depth = [f.components[0].bits for f in (have, want)]
        return (
            int(_is_gray(candidate) > _is_gray(source)),
            int(has_alpha(source) > has_alpha(candidate)),
            int(have.is_rgb != want.is_rgb),
            # Losing bit depth or chroma resolution is worse than having more than the source.
            max(depth[1] - depth[0], 0) * 100 + abs(depth[1] - depth[0]),
            sum(max(a // b, 1) - 1 for a, b in steps) * 100 + sum(max(a, b) // min(a, b) for a, b in steps),
            int(not candidate.startswith(("yuv", "gray", "gbr"))),
        )

    software = [f for f in formats if av.VideoFormat(f, 64, 64).components] or formats
    return min(software, key=distance)
