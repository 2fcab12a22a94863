"""The mean of frames in linear light, which a camera's sensor integrates while its shutter is open.

Code values are not proportional to light, so their mean is too dark where something bright passes: a white lamp that is
visible for an eighth of the time gives an eighth of its light, not of its code value. Code values are converted to
light by the display's transfer function: BT.1886 (a power of 2.4) for video, a power of 2.2 for RGB such as sRGB, SMPTE
ST 2084 (PQ) and ARIB STD-B67 (HLG) for frames with these tags (ITU-T H.273, table 3). A code value that is the same in
all frames is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from frame_booster.engine.code_values import code_scales
from frame_booster.pixels import LUMA_WEIGHTS, PixelLayout, Plane, Planes

_ROWS = 64
"""Number of rows processed at a time, to limit memory; a multiple of any chroma subsampling."""
_LINEAR, _PQ, _HLG = 8, 16, 18
_GAMMAS = {4: 2.2, 5: 2.8, 13: 2.2}
"""Exponents of the transfer characteristics of H.273 that are powers, by number; sRGB (13) is approximated by one."""
_VIDEO, _RGB = 2.4, 2.2

Array = Any


def mean_of(frames: Sequence[Planes], layout: PixelLayout, transfer: int = 2) -> Planes:
    """Returns the mean of frames in linear light, rounded to the nearest code values.

    Args:
      frames: planes of frames with the same layout. Colours are weighted by alpha if there is any.
      layout: pixel layout of all frames.
      transfer: transfer characteristics, a number of H.273; 2 is unspecified.

    Returns:
      Planes of the mean. A code value that is the same in all frames is unchanged.
    """
    if len(frames) == 1:
        return frames[0]
    out: tuple[Any, ...] = tuple(np.empty(shape, layout.dtype) for shape in layout.plane_shapes)
    for top in range(0, layout.height, _ROWS):
        bottom = min(top + _ROWS, layout.height)
        part = replace(layout, height=bottom - top)
        bands = [[_rows(plane, k, top, bottom, layout) for k, plane in enumerate(planes)] for planes in frames]
        for k, mean in enumerate(_band_mean(bands, part, transfer)):
            same = np.logical_and.reduce([band[k] == bands[0][k] for band in bands[1:]])
            _rows(out[k], k, top, bottom, layout)[...] = np.where(same, bands[0][k], mean)
    return out


def _rows(plane: Plane, index: int, top: int, bottom: int, layout: PixelLayout) -> Plane:
    down = layout.log2_chroma_height if layout.kind == "yuv" and index in (1, 2) else 0
    return plane[top >> down : -(-bottom // (1 << down))]


def _band_mean(frames: Sequence[Sequence[Plane]], layout: PixelLayout, transfer: int) -> list[Array]:
    to_light, to_code = _transfer(layout, transfer)
    light: Array = 0.0
    plain: Array = 0.0
    weights: Array = 0.0
    for planes in frames:
        colours = to_light(_to_rgb(planes, layout))
        plain = plain + colours
        if layout.alpha:
            weight = planes[-1].astype(np.float32)
            light, weights = light + colours * weight, weights + weight
    mean = plain / np.float32(len(frames))
    if layout.alpha:
        # Alpha is straight: the colours of transparent pixels must not contribute.
        mean = np.where(weights > 0, light / np.where(weights > 0, weights, 1), mean)
    made = [_coded(values, layout) for values in _from_rgb(to_code(mean), layout)]
    if layout.alpha:
        made.append(_coded(weights / np.float32(len(frames)), layout))
    return made


def _coded(values: Array, layout: PixelLayout) -> Array:
    if layout.floating:
        return values.astype(layout.dtype)
    return np.clip(np.rint(values), 0, layout.top).astype(layout.dtype)


def _transfer(layout: PixelLayout, number: int) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Returns the functions from R'G'B' to light and back; both keep the sign of values outside the gamut."""
    if layout.floating or number == _LINEAR:
        return (lambda x: x), (lambda x: x)
    if number == _PQ:
        return _odd(_pq_to_light), _odd(_light_to_pq)
    if number == _HLG:
        return _odd(_hlg_to_light), _odd(_light_to_hlg)
    gamma = _GAMMAS.get(number, _RGB if layout.kind == "rgb" and number in (0, 2) else _VIDEO)
    return _odd(lambda x: x ** np.float32(gamma)), _odd(lambda x: x ** np.float32(1 / gamma))


def _odd(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda x: np.copysign(function(np.abs(x)), x)


# SMPTE ST 2084, 5.1; 1 is 10000 cd/m2. Its powers need 64-bit floats.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _pq_to_light(code: Array) -> Array:
    x = code.astype(np.float64) ** (1 / _M2)
    return (np.maximum(x - _C1, 0) / np.maximum(_C2 - _C3 * x, 1e-9)) ** (1 / _M1)


def _light_to_pq(light: Array) -> Array:
    x = light**_M1
    return ((_C1 + _C2 * x) / (1 + _C3 * x)) ** _M2


# ITU-R BT.2100, table 5: the inverse OETF, which gives the light of the scene.
_A = 0.17883277
_B = 1 - 4 * _A
_C = 0.5 - _A * np.log(4 * _A)


def _hlg_to_light(code: Array) -> Array:
    return np.where(code <= 0.5, code * code / 3, (np.exp((np.maximum(code, 0.5) - _C) / _A) + _B) / 12)


def _light_to_hlg(light: Array) -> Array:
    low = np.sqrt(3 * light)
    return np.where(light <= 1 / 12, low, _A * np.log(np.maximum(12 * light - _B, 1e-9)) + _C)


def _to_rgb(planes: Sequence[Plane], layout: PixelLayout) -> Array:
    """Returns R', G', B' (or only Y') at full size, (3 or 1, h, w), 1 being white (H.273, 8.3)."""
    luma_offset, luma_span, chroma_offset, chroma_span = (np.float32(x) for x in code_scales(layout))
    if layout.kind != "yuv":
        colours = planes[: 1 if layout.kind == "gray" else 3]
        return np.stack([(plane.astype(np.float32) - luma_offset) / luma_span for plane in colours])
    y = (planes[0].astype(np.float32) - luma_offset) / luma_span
    cb, cr = ((_full_size(plane, layout).astype(np.float32) - chroma_offset) / chroma_span for plane in planes[1:3])
    kr, kb = (np.float32(x) for x in LUMA_WEIGHTS[layout.matrix])
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    return np.stack([r, (y - kr * r - kb * b) / (1 - kr - kb), b])


def _from_rgb(rgb: Array, layout: PixelLayout) -> list[Array]:
    """Returns planes from the output of `_to_rgb`, as code values that are not rounded yet; without alpha."""
    luma_offset, luma_span, chroma_offset, chroma_span = code_scales(layout)
    if layout.kind != "yuv":
        return [plane * luma_span + luma_offset for plane in rgb]
    kr, kb = LUMA_WEIGHTS[layout.matrix]
    r, g, b = rgb
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    chroma = [_block_means(plane, layout) * chroma_span + chroma_offset for plane in (cb, cr)]
    return [y * luma_span + luma_offset, *chroma]


def _full_size(plane: Plane, layout: PixelLayout) -> Array:
    repeated = np.repeat(plane, 1 << layout.log2_chroma_height, 0)[: layout.height]
    return np.repeat(repeated, 1 << layout.log2_chroma_width, 1)[:, : layout.width]


def _block_means(plane: Array, layout: PixelLayout) -> Array:
    for axis, log2 in ((0, layout.log2_chroma_height), (1, layout.log2_chroma_width)):
        if log2:
            begins = np.arange(0, plane.shape[axis], 1 << log2)
            counts = np.diff([*begins, plane.shape[axis]])
            sums = np.add.reduceat(plane, begins, axis)
            plane = sums / (counts[:, None] if axis == 0 else counts[None, :]).astype(np.float32)
    return plane
