"""Between PyAV's frames and the planes the engine works on: views in, one copy out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import av
import numpy as np

from frame_booster.errors import InputError
from frame_booster.media.frames.unpacking import kept_bits, unpacked
from frame_booster.pixels import PixelLayout, Plane, Planes

_PLANAR = {
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "p010le": "yuv420p10le",
    "p012le": "yuv420p12le",
    "p016le": "yuv420p16le",
    "nv16": "yuv422p",
    "p210le": "yuv422p10le",
    "p212le": "yuv422p12le",
    "p216le": "yuv422p16le",
    "nv20le": "yuv422p10le",
    "nv24": "yuv444p",
    "nv42": "yuv444p",
    "p410le": "yuv444p10le",
    "p412le": "yuv444p12le",
    "p416le": "yuv444p16le",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "yvyu422": "yuv422p",
    "y210le": "yuv422p10le",
    "xv30le": "yuv444p10le",
    "xv36le": "yuv444p12le",
    "xv48le": "yuv444p16le",
    "v30xle": "yuv444p10le",
    "y212le": "yuv422p12le",
    "y216le": "yuv422p16le",
    "vuyx": "yuv444p",
    "vyu444": "yuv444p",
    "uyva": "yuva444p",
    "uyyvyy411": "yuv411p",
    "vuya": "yuva444p",
    "ayuv": "yuva444p",
    "ayuv64le": "yuva444p16le",
    "rgb24": "gbrp",
    "bgr24": "gbrp",
    "rgb0": "gbrp",
    "bgr0": "gbrp",
    "0rgb": "gbrp",
    "0bgr": "gbrp",
    "rgba": "gbrap",
    "bgra": "gbrap",
    "argb": "gbrap",
    "abgr": "gbrap",
    "pal8": "gbrap",
    "ya8": "gbrap",
    "ya16le": "gbrap16le",
    "rgb48le": "gbrp16le",
    "bgr48le": "gbrp16le",
    "rgba64le": "gbrap16le",
    "bgra64le": "gbrap16le",
    "x2rgb10le": "gbrp10le",
    "x2bgr10le": "gbrp10le",
    "gbrpf16le": "gbrpf32le",
    "gbrapf16le": "gbrapf32le",
    "rgbf16le": "gbrpf32le",
    "rgbf32le": "gbrpf32le",
    "rgbaf16le": "gbrapf32le",
    "rgbaf32le": "gbrapf32le",
    "grayf16le": "grayf32le",
    # Of a hardware decoder: code values in the upper bits.
    **{f"{kind}p{bits}msble": f"{kind}p{bits}le" for kind in ("yuv444", "gbr") for bits in (10, 12)},
    "monow": "gray",
    "monob": "gray",
    **dict.fromkeys(("rgb444le", "bgr444le", "rgb555le", "bgr555le", "rgb565le", "bgr565le"), "gbrp"),
    **dict.fromkeys(("rgb8", "bgr8", "rgb4_byte", "bgr4_byte"), "gbrp"),
    # Of digital cinema, and of cameras' sensors: `conversion_of` says what is done.
    "xyz12le": "gbrp12le",
    **{f"bayer_{order}8": "gbrp" for order in ("bggr", "rggb", "gbrg", "grbg")},
    **{f"bayer_{order}16{end}": "gbrp16le" for order in ("bggr", "rggb", "gbrg", "grbg") for end in ("le", "be")},
}
"""Packed formats and the planar format that holds the same code values, or for less than 8 bits what FFmpeg shows."""

_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
"""AVColorSpace to `LUMA_WEIGHTS`; others (unspecified, YCgCo, ICtCp) fall back to the default."""

_SWS_MATRIX = {"bt709": 1, "fcc": 4, "bt601": 5, "smpte240m": 7, "bt2020": 9}
"""Keys of `LUMA_WEIGHTS` to FFmpeg's numbers of matrices in swscale (SWS_CS_*)."""
_INTERPOLATION = 0x4 | 0x40000 | 0x2000 | 0x4000
"""SWS_BICUBIC, _ACCURATE_RND, _FULL_CHR_H_INT, _FULL_CHR_H_INP of swscale.h; PyAV before 18 names the first only."""


def planar(frame: av.VideoFrame) -> av.VideoFrame:
    """Returns the frame in a format of one component a plane; itself if it is in one.

    Raises:
      InputError: there is no such format that holds the same code values.
    """
    if _is_planar(frame.format):
        return frame
    made = unpacked(frame)
    if made is not None:
        copy_tags(frame, made)
        if frame.time_base is not None:
            made.pts, made.time_base = frame.pts, frame.time_base
        return planar(made)
    name = frame.format.name
    target = _PLANAR.get(name) or (name[:-2] + "le" if name.endswith("be") else None)
    if target is None:
        raise InputError(
            f"pixel format {name} is not supported", hint="convert the video first, for example to yuv420p"
        )
    converted = frame.reformat(format=target)
    if name.startswith("xyz12"):
        _tag_as_converted(converted)
    if frame.time_base is not None:
        converted.pts, converted.time_base = frame.pts, frame.time_base
    return converted if _is_planar(converted.format) else planar(converted)


def conversion_of(pix_fmt: str) -> str | None:
    """Says what `planar` does to the values of a format, beside putting them into planes; None if nothing."""
    if pix_fmt.startswith("xyz12"):
        return "XYZ colours (digital cinema) are converted to BT.709 RGB with gamma 2.2"
    if pix_fmt.startswith("bayer"):
        return "the Bayer pattern of the camera sensor is converted to RGB"
    bits = kept_bits(pix_fmt)
    if bits is not None:
        return f"only the upper {bits[0]} of the {bits[1]} bits of each value are kept"
    return None


def _tag_as_converted(frame: av.VideoFrame) -> None:
    """Corrects the tags of what was XYZ, where there are any: primaries of BT.709, gamma of 2.2 (H.273)."""
    for tag, value in (("color_primaries", 1), ("color_trc", 4), ("colorspace", 0)):
        if int(getattr(frame, tag, 2)) not in (0, 2):
            setattr(frame, tag, value)


def _is_planar(pixel_format: Any) -> bool:
    components = pixel_format.components
    name = pixel_format.name
    if name.endswith("be") or len({c.plane for c in components}) != len(components):
        return False
    if len({c.bits for c in components}) != 1 or "f16" in name or "msb" in name:
        return False
    if "f32" not in name and not 8 <= components[0].bits <= 16:
        return False
    return bool(name.startswith(("yuv", "gray", "gbr")))


def layout_of(frame: av.VideoFrame) -> PixelLayout:
    """Describes a frame that `planar` has passed.

    A matrix that is not tagged is BT.601 below 720 lines and BT.709 from there, as players assume.
    """
    pixel_format = frame.format
    name, components = pixel_format.name, pixel_format.components
    alpha = any(c.is_alpha for c in components)
    default = "bt601" if frame.height < 720 else "bt709"
    # Not PyAV's `is_chroma`, which is False for chroma of full size.
    colours = len(components) - alpha
    rgb = name.startswith("gbr")
    # A size that every subsampling divides, so that rounding cannot mislead.
    chroma = av.VideoFormat(name, 64, 64).components[1 if colours == 3 and not rgb else 0]
    return PixelLayout(
        width=frame.width,
        height=frame.height,
        kind="rgb" if rgb else "yuv" if colours == 3 else "gray",
        depth=components[0].bits,
        log2_chroma_width=(64 // chroma.width).bit_length() - 1,
        log2_chroma_height=(64 // chroma.height).bit_length() - 1,
        matrix=_MATRICES.get(int(frame.colorspace), default),
        full_range=name.startswith(("yuvj", "gbr")) or int(frame.color_range) == 2,
        alpha=alpha,
    )


def planes_of(frame: av.VideoFrame, layout: PixelLayout) -> Planes:
    """Returns the planes of a frame as arrays that share its memory; they keep it alive."""
    planes: list[Any] = []
    size = np.dtype(layout.dtype).itemsize
    for plane, (height, width) in zip(frame.planes, layout.plane_shapes, strict=False):
        row = plane.line_size // size
        flat = np.frombuffer(plane, layout.dtype)
        planes.append(np.lib.stride_tricks.as_strided(flat, (height, width), (row * size, size), writeable=False))
    return tuple(planes)


def frame_of(planes: Planes, like: av.VideoFrame, layout: PixelLayout) -> av.VideoFrame:
    """Returns a new frame with these planes and the format and colour tags of `like`."""
    frame = av.VideoFrame(layout.width, layout.height, like.format.name)
    write_planes(planes, frame, layout)
    copy_tags(like, frame)
    return frame


def write_planes(planes: Planes, frame: av.VideoFrame, layout: PixelLayout) -> None:
    """Writes planes into a frame of their layout, whose memory no other frame may share."""
    size = np.dtype(layout.dtype).itemsize
    for target, plane in zip(frame.planes, planes, strict=True):
        row = target.line_size // size
        out = np.frombuffer(target, layout.dtype)[: row * plane.shape[0]].reshape(plane.shape[0], row)
        out[:, : plane.shape[1]] = plane


def copy_tags(source: av.VideoFrame, target: av.VideoFrame) -> None:
    """Copies the colour tags of one frame to another, as far as this PyAV knows them."""
    for tag in ("colorspace", "color_range", "color_primaries", "color_trc", "chroma_location"):
        if hasattr(source, tag):
            setattr(target, tag, getattr(source, tag))


def brought_to(frame: av.VideoFrame, like: av.VideoFrame) -> av.VideoFrame:
    """Returns a frame in the size, pixel format, matrix and range of another, with the other's colour tags.

    As FFmpeg's programs do where a stream changes: scaled by bicubic interpolation, whatever the shape of the pixels.
    More bits, more chroma or alpha are added without loss. Primaries and transfer are not converted.

    Args:
      frame: of a format that `planar` gives.
      like: likewise.
    """
    source, target = layout_of(frame), layout_of(like)
    if replace(source, alpha=target.alpha) == target:
        # swscale shifts the code values of planar RGB of 10 to 14 bits here.
        return frame_of(_with_alpha(planes_of(frame, source), source, target), like, target)
    if _is_limited_gray(frame):
        # swscale takes all gray for full range.
        frame = _luma_as_yuv(frame)
        source = layout_of(frame)
    if _is_limited_gray(like):
        yuv = av.VideoFrame(like.width, like.height, _yuv_of_depth(target.depth))
        copy_tags(like, yuv)
        return frame_of(planes_of(brought_to(frame, yuv), layout_of(yuv))[:1], like, target)
    made = frame.reformat(
        width=like.width,
        height=like.height,
        format=like.format.name,
        src_colorspace=_SWS_MATRIX[source.matrix],
        dst_colorspace=_SWS_MATRIX[target.matrix],
        src_color_range=2 if source.full_range or source.kind == "gray" else 1,
        dst_color_range=2 if target.full_range or target.kind == "gray" else 1,
        interpolation=_INTERPOLATION,
    )
    copy_tags(like, made)
    return made


def _with_alpha(planes: Planes, source: PixelLayout, target: PixelLayout) -> Planes:
    colours = planes[: len(planes) - source.alpha]
    if not target.alpha:
        return colours
    return planes if source.alpha else (*colours, _filled_like(planes[0], target.top))


def _filled_like(plane: Plane, value: float) -> Plane:
    return np.full_like(plane, value)


def _is_limited_gray(frame: av.VideoFrame) -> bool:
    return frame.format.name.startswith("gray") and "f32" not in frame.format.name and int(frame.color_range) == 1


def _yuv_of_depth(depth: int) -> str:
    return "yuv444p" if depth == 8 else f"yuv444p{depth}le"


def _luma_as_yuv(frame: av.VideoFrame) -> av.VideoFrame:
    gray = layout_of(frame)
    like = av.VideoFrame(frame.width, frame.height, _yuv_of_depth(gray.depth))
    copy_tags(frame, like)
    [luma] = planes_of(frame, gray)
    middle = _filled_like(luma, 1 << (gray.depth - 1))
    return frame_of((luma, middle, middle), like, layout_of(like))


def is_full_range(frame: av.VideoFrame) -> bool:
    """Tells whether luma, or gray, takes all code values; False of RGB, which has no luma."""
    if frame.format.is_rgb:
        return False
    layout = layout_of(frame)
    return layout.full_range or (layout.kind == "gray" and not _is_limited_gray(frame))


def converted(frame: av.VideoFrame, pix_fmt: str, *, limited: bool = False) -> av.VideoFrame:
    """Returns a frame in another pixel format, in its own matrix (601 or 709 by size, if it is not tagged).

    Args:
      frame: of any format.
      pix_fmt: FFmpeg's name of the other, or of its own.
      limited: whether a frame of full range is to be of limited range, as ITU-R BT.601 and BT.709 have it.
    """
    tag = int(frame.colorspace)
    matrix = tag if tag not in (0, 2) else (5 if frame.height < 720 else 1)
    to_rgb = av.VideoFormat(pix_fmt, 64, 64).is_rgb
    from_rgb = frame.format.is_rgb
    narrowed = limited and not to_rgb and is_full_range(frame)
    color_range = 2 if to_rgb else 1 if from_rgb or narrowed else int(frame.color_range)
    made = frame.reformat(
        format=pix_fmt,
        src_colorspace=None if from_rgb else matrix,
        dst_colorspace=None if to_rgb else matrix,
        src_color_range=None if from_rgb else 2 if narrowed else int(frame.color_range) or None,
        dst_color_range=color_range or None,
        interpolation="BICUBIC",
    )
    copy_tags(frame, made)
    if from_rgb != to_rgb:
        # Its tags were those of the other kind.
        made.colorspace, made.color_range = 0 if to_rgb else matrix, color_range
    elif narrowed:
        made.color_range = color_range
    return made
