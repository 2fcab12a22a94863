"""Pixel formats that swscale cannot read, as frames of others that it can: in another order of bytes, or in planes.

Of some swscale says so; at others (integers of 32 bits, gray with alpha in floating point) it ends the whole process.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np

_WORDS_OF_4 = ("x2rgb10", "x2bgr10", "xv30", "v30x", "gray32", "grayf32", "rgb96", "rgba128", "rgbf32", "rgbaf32")
_ALSO_OF_4 = ("gbrpf32", "gbrapf32", "gbrap32", "yaf32")
_WORDS_OF_2 = ("y210", "y212", "y216", "grayf16", "rgbf16", "rgbaf16", "gbrpf16", "gbrapf16", "yaf16")
_WORD = {**dict.fromkeys((*_WORDS_OF_4, *_ALSO_OF_4), 4), **dict.fromkeys(_WORDS_OF_2, 2)}
"""Formats by FFmpeg's names without the order of bytes, which is turned here, and the bytes of a word of theirs."""

_INTEGERS = {"gray32": "gray16le", "rgb96": "gbrp16le", "rgba128": "gbrap16le", "gbrap32": "gbrap16le"}
_FLOATS = {"yaf16": "gbrapf32le", "yaf32": "gbrapf32le", "rgbaf16": "gbrapf32le", "rgbaf32": "gbrapf32le"}
_PLANES: dict[int, tuple[int, ...]] = {1: (0,), 2: (0, 0, 0, 1), 3: (1, 2, 0), 4: (1, 2, 0, 3)}
"""Which component of a pixel goes into each plane (G, B, R, A), by how many components it has."""


def unpacked(frame: av.VideoFrame) -> av.VideoFrame | None:
    """Returns a frame of the same picture in a format that swscale or this program can read; None where it is in one.

    Floating numbers are kept. Of integers of 32 bits the upper 16 are (`kept_bits`).
    """
    name = frame.format.name
    if name in ("rgb4", "bgr4"):
        return _a_byte_each(frame)
    kind = name[:-2]
    if name.endswith("be") and kind in _WORD:
        return _turned(frame, f"{kind}le", _WORD[kind])
    target = {**_INTEGERS, **_FLOATS}.get(kind) if name.endswith("le") else None
    return None if target is None else _in_planes(frame, target, kind)


def kept_bits(pix_fmt: str) -> tuple[int, int] | None:
    """Returns how many bits `unpacked` keeps of how many of a code value; None where it keeps all."""
    return (16, 32) if pix_fmt[:-2] in _INTEGERS else None


def _rows(plane: Any, dtype: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(plane, dtype)[: plane.height * plane.line_size // np.dtype(dtype).itemsize].reshape(
        plane.height, -1
    )


def _turned(frame: av.VideoFrame, target: str, size: int) -> av.VideoFrame:
    """Returns a frame with the bytes of each word in reverse."""
    made = av.VideoFrame(frame.width, frame.height, target)
    for source, plane in zip(frame.planes, made.planes, strict=True):
        words, out = _rows(source, f">u{size}"), _rows(plane, f"<u{size}")
        count = min(words.shape[1], out.shape[1])
        out[:, :count] = words[:, :count]
    return made


def _a_byte_each(frame: av.VideoFrame) -> av.VideoFrame:
    """Returns a frame of 4 bits a pixel, two in a byte, the upper ones first, as one of a byte a pixel."""
    made = av.VideoFrame(frame.width, frame.height, f"{frame.format.name}_byte")
    pairs = _rows(frame.planes[0], "u1")[:, : (frame.width + 1) // 2]
    pixels = np.stack([pairs >> 4, pairs & 15], axis=-1).reshape(pairs.shape[0], -1)
    _rows(made.planes[0], "u1")[:, : frame.width] = pixels[:, : frame.width]
    return made


def _in_planes(frame: av.VideoFrame, target: str, kind: str) -> av.VideoFrame:
    """Returns a frame with a plane for each component."""
    made = av.VideoFrame(frame.width, frame.height, target)
    dtype = f"<f{_WORD[kind]}" if kind in _FLOATS else "<u4"
    if len(frame.planes) > 1:
        values = [_rows(plane, dtype)[:, : frame.width] for plane in frame.planes]
    else:
        count = len(frame.format.components)
        pixels = _rows(frame.planes[0], dtype)[:, : frame.width * count].reshape(frame.height, frame.width, count)
        values = [pixels[..., k] for k in _PLANES[count]]
    for plane, value in zip(made.planes, values, strict=True):
        out = _rows(plane, "<f4" if kind in _FLOATS else "<u2")
        out[:, : frame.width] = value if kind in _FLOATS else value >> 16
    return made
