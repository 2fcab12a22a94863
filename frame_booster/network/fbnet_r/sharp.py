"""Warping RGB with cubic sharpness at little more than the cost of a bilinear warp.

Bilinear sampling between pixels is a blur, the worse the finer the texture. Catmull-Rom's cubic between two pixels
is the straight line less `s (1 - s) / 2` times the curvature at both ends, itself on a straight line; so the
curvature is computed once a frame and sampled bilinearly beside the colour. Left out: the product of both directions'
corrections. Curvature is that of brightness: the figures (docs/training/fbnet-r.md) gain nothing from colour's own.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.layers import Tensor
from frame_booster.network.warp import side

CATMULL_ROM = 0.5
"""The strength that makes it the cubic of Catmull and Rom (1974); 0 is bilinear."""


def _with_curvature(frame: Tensor) -> Tensor:
    gray = tf.reduce_sum(frame * [0.299, 0.587, 0.114], -1, keepdims=True)
    rows = tf.pad(gray, [[0, 0], [1, 1], [0, 0], [0, 0]], "SYMMETRIC")
    columns = tf.pad(gray, [[0, 0], [0, 0], [1, 1], [0, 0]], "SYMMETRIC")
    along_y = rows[:, :-2] - 2.0 * gray + rows[:, 2:]
    along_x = columns[:, :, :-2] - 2.0 * gray + columns[:, :, 2:]
    return tf.concat([frame, along_y, along_x], -1)


def _positions(flow: Tensor, ratio: Tensor, of: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Returns, for y and x, the pixel before each position, (B, H, W) float32, how far beyond it, and the side."""
    flow = ratio * side(flow, of)
    _, height, width, _ = tf.unstack(tf.shape(flow))
    made = []
    for size, along, moved in zip((height, width), ([1, -1, 1], [1, 1, -1]), tf.unstack(flow, axis=-1), strict=True):
        position = tf.reshape(tf.range(tf.cast(size, tf.float32)), along) - moved
        low = tf.minimum(tf.maximum(0.0, tf.floor(position)), tf.cast(size - 2, tf.float32))
        made.append((low, tf.minimum(tf.maximum(0.0, position - low), 1.0), size))
    return made


def _indices(flow: Tensor, ratio: Tensor, of: Tensor) -> Tensor:
    (row, _, height), (column, _, width) = _positions(flow, ratio, of)
    batch = tf.range(tf.shape(flow)[0])[:, None, None]
    return ((batch * height + tf.cast(row, tf.int32)) * width + tf.cast(column, tf.int32))[..., None]


def _shares(flow: Tensor, ratio: Tensor, of: Tensor) -> Tensor:
    (_, y, _), (_, x, _) = _positions(flow, ratio, of)
    return tf.stack([y, x], -1)


def _samples(curved: Tensor, indices: Tensor, shares: Tensor) -> Tensor:
    width = tf.shape(curved)[2]
    pixels = tf.reshape(curved, [-1, curved.shape[-1]])
    y, x = shares[..., :1], shares[..., 1:]

    def at(offset: Tensor) -> Tensor:
        return tf.gather(pixels, indices[..., 0] + offset)

    top = at(0) + x * (at(1) - at(0))
    bottom = at(width) + x * (at(width + 1) - at(width))
    sampled = top + y * (bottom - top)
    bent = y * (1.0 - y) * sampled[..., 3:4] + x * (1.0 - x) * sampled[..., 4:5]
    return tf.concat([sampled[..., :3], bent], -1)


with_curvature = compiled(_with_curvature)
"""Appends the second differences of brightness along y and x: (B, H, W, 3) to (B, H, W, 5) float32."""
# Where to sample is worked out in loops of its own: XLA would do it anew for every channel, taking half as long again.
indices = compiled(_indices)
"""The pixel above and to the left, (B, H, W, 1) int32, counted through all frames; arguments as `sharp_samples`."""
shares = compiled(_shares)
"""How far below and to the right of it, (B, H, W, 2) float32 in [0, 1], which is what flows learn by."""
samples = compiled(_samples)
"""The sampling itself."""


def sharp_samples(curved: Tensor, flow: Tensor, ratio: Tensor, of: Tensor) -> Tensor:
    """Samples a frame at `x - flow(x)`, as `dense_image_warp` does.

    Args:
      curved: (B, H, W, 5) float32, the frame `with_curvature`.
      flow: (B, H, W, 4) float32, (dy, dx) to the first and to the second frame.
      ratio: by which the flow must be multiplied to be in px.
      of: 0 or 1, which of the frames this is.

    Returns:
      (B, H, W, 4) float32: RGB as bilinear sampling has it, and the blur of brightness in it; RGB less `CATMULL_ROM`
      times that is sharp.
    """
    return samples(curved, indices(flow, ratio, of), shares(flow, ratio, of))
