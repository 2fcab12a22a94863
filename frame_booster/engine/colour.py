"""Planes to the network's RGB and back, inside the compiled graph, exact to the code value.

Chroma is repeated to full size and averaged back: the round trip returns every code value, so an
interpolated frame of a still scene equals its neighbours. RGB is not clipped to [0, 1], so codes outside the nominal
range (super-white, wide chroma) survive, too.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.engine.code_values import GAMMA, code_scales, padded
from frame_booster.network.compiling import compile_ahead
from frame_booster.network.layers import Tensor
from frame_booster.pixels import LUMA_WEIGHTS, PixelLayout


def _perceived(light: Tensor) -> Tensor:
    # Renderers write NaN and infinity, which convolutions would spread over the frame.
    light = tf.where(tf.math.is_finite(light), light, tf.zeros_like(light))
    return tf.sign(light) * tf.pow(tf.abs(light), 1.0 / GAMMA)


def _light(perceived: Tensor) -> Tensor:
    return tf.sign(perceived) * tf.pow(tf.abs(perceived), GAMMA)


def pad_to(x: Tensor, height: int, width: int) -> Tensor:
    """Repeats the last row and column of (B, h, w, C) until it is (B, height, width, C)."""
    if x.shape[1] != height:
        x = tf.gather(x, tf.minimum(tf.range(height), x.shape[1] - 1), axis=1)
    if x.shape[2] != width:
        x = tf.gather(x, tf.minimum(tf.range(width), x.shape[2] - 1), axis=2)
    return x


def pooled(x: Tensor, log2_height: int, log2_width: int) -> Tensor:
    """Averages (B, h, w, C) over blocks of so many px; itself where both are 0 or less."""
    block = [1 << max(log2_height, 0), 1 << max(log2_width, 0)]
    return x if block == [1, 1] else tf.nn.avg_pool2d(x, block, block, "VALID")


def planes_to_rgb(planes: list[Tensor], layout: PixelLayout, multiple: int, log2_downscale: int = 0) -> Tensor:
    """Converts planes to RGB.

    Args:
      planes: (B, h, w) uint8, uint16 or float32, as `PixelLayout.plane_shapes`; alpha is ignored.
      layout: of the planes.
      multiple: height and width of what is returned are padded to multiples of this, px.
      log2_downscale: the picture is downscaled by 2 to the power of this, by area averaging and without ever being
        held at full size.

    Returns:
      (B, H, W, 3) float32, nominally in [0, 1].
    """
    height, width = (padded(side, multiple << log2_downscale) for side in (layout.height, layout.width))
    offset, span, chroma_offset, chroma_span = code_scales(layout)
    colours = [tf.cast(plane, tf.float32)[..., None] for plane in planes]
    if layout.floating:
        colours = [_perceived(colour) for colour in colours]
    first = (pooled(pad_to(colours[0], height, width), log2_downscale, log2_downscale) - offset) / span
    if layout.kind == "gray":
        return tf.concat([first, first, first], -1)
    if layout.kind == "rgb":
        padded_up = (pooled(pad_to(c, height, width), log2_downscale, log2_downscale) for c in colours[1:3])
        blue, red = ((c - offset) / span for c in padded_up)
        return tf.concat([red, first, blue], -1)
    down, across = 1 << layout.log2_chroma_height, 1 << layout.log2_chroma_width
    chroma = tf.concat(colours[1:3], -1)
    chroma = pad_to(chroma, height // down, width // across)
    chroma = pooled(chroma, log2_downscale - layout.log2_chroma_height, log2_downscale - layout.log2_chroma_width)
    chroma = (chroma - chroma_offset) / chroma_span
    if down >> log2_downscale > 1:
        chroma = tf.repeat(chroma, down >> log2_downscale, axis=1)
    if across >> log2_downscale > 1:
        chroma = tf.repeat(chroma, across >> log2_downscale, axis=2)
    kr, kb = LUMA_WEIGHTS[layout.matrix]
    red = first + 2.0 * (1.0 - kr) * chroma[..., 1:]
    blue = first + 2.0 * (1.0 - kb) * chroma[..., :1]
    green = (first - kr * red - kb * blue) / (1.0 - kr - kb)
    return tf.concat([red, green, blue], -1)


def rgb_to_planes(rgb: Tensor, layout: PixelLayout) -> list[Tensor]:
    """Converts RGB (B, H, W, 3) back to planes (B, h, w); codes are rounded and kept within their range."""
    offset, span, chroma_offset, chroma_span = code_scales(layout)
    height, width = layout.height, layout.width
    red, green, blue = rgb[..., :1], rgb[..., 1:2], rgb[..., 2:]

    def codes(x: Tensor, at: float, scale: float) -> Tensor:
        if layout.floating:
            return _light(x)[..., 0]
        limits = tf.clip_by_value(tf.round(x * scale + at), 0.0, float((1 << layout.depth) - 1))
        # Through int32: a direct cast of float to uint16 has no vectorised kernel.
        return tf.cast(tf.cast(limits, tf.int32), tf.uint8 if layout.depth == 8 else tf.uint16)[..., 0]

    if layout.kind == "rgb":
        return [codes(c[:, :height, :width], offset, span) for c in (green, blue, red)]
    kr, kb = LUMA_WEIGHTS[layout.matrix]
    luma = kr * red + (1.0 - kr - kb) * green + kb * blue
    planes = [codes(luma[:, :height, :width], offset, span)]
    if layout.kind == "yuv":
        down, across = 1 << layout.log2_chroma_height, 1 << layout.log2_chroma_width
        chroma = tf.concat([(blue - luma) / (2.0 * (1.0 - kb)), (red - luma) / (2.0 * (1.0 - kr))], -1)
        if down > 1 or across > 1:
            chroma = tf.nn.avg_pool2d(chroma, [down, across], [down, across], "VALID")
        rows, columns = layout.plane_shapes[1]
        chroma = chroma[:, :rows, :columns]
        planes += [codes(chroma[..., k : k + 1], chroma_offset, chroma_span) for k in (0, 1)]
    return planes


_planes_to_rgb = tf.function(planes_to_rgb, jit_compile=True, autograph=False)
_rgb_to_planes = tf.function(rgb_to_planes, jit_compile=True, autograph=False)


def compiled_planes_to_rgb(planes: list[Tensor], layout: PixelLayout, multiple: int, log2_downscale: int = 0) -> Tensor:
    """`planes_to_rgb` as one loop over the pixels in XLA: 21 ms for two frames of 1280x720 became 4."""
    compile_ahead(lambda *given: _planes_to_rgb(list(given), layout, multiple, log2_downscale), list(planes))
    return _planes_to_rgb(planes, layout, multiple, log2_downscale)


def compiled_rgb_to_planes(rgb: Tensor, layout: PixelLayout) -> list[Tensor]:
    """`rgb_to_planes` in XLA: 7 ms became 4."""
    compile_ahead(lambda given: _rgb_to_planes(given, layout), [rgb])
    planes: list[Tensor] = _rgb_to_planes(rgb, layout)
    return planes
