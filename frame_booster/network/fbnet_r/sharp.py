"""Warping of RGB with nearly the sharpness of cubic interpolation, at little more than the cost of a bilinear warp.

Bilinear sampling between pixels blurs, the more so the finer the texture. Between two pixels, at the share s, the cubic
of Catmull and Rom is the linear interpolation minus `s (1 - s) / 2` times the linearly interpolated curvature. So the
curvature is computed once per frame and sampled bilinearly with the colour. The product of the corrections in both
directions is omitted. The curvature is that of brightness: one per colour gains nothing (docs/training/fbnet-r.md).
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.layers import Tensor
from frame_booster.network.warp import side

CATMULL_ROM = 0.5
"""Strength of the correction that gives the cubic of Catmull and Rom (1974); 0 is bilinear."""


def _with_curvature(frame: Tensor) -> Tensor:
    gray = tf.reduce_sum(frame * [0.299, 0.587, 0.114], -1, keepdims=True)
    rows = tf.pad(gray, [[0, 0], [1, 1], [0, 0], [0, 0]], "SYMMETRIC")
    columns = tf.pad(gray, [[0, 0], [0, 0], [1, 1], [0, 0]], "SYMMETRIC")
    along_y = rows[:, :-2] - 2.0 * gray + rows[:, 2:]
    along_x = columns[:, :, :-2] - 2.0 * gray + columns[:, :, 2:]
    return tf.concat([frame, along_y, along_x], -1)


def _positions(flow: Tensor, ratio: Tensor, of: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Returns, for y and x, the pixel before each position, the distance from it, (B, H, W) float32, and the size."""
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
# Positions have loops of their own: inside the sampling, XLA would compute them for every channel (1.5 times the time).
indices = compiled(_indices)
"""Flat indices of the pixels above and to the left, (B, H, W, 1) int32; arguments as in `sharp_samples`."""
shares = compiled(_shares)
"""Distances below and to the right of these pixels, (B, H, W, 2) float32 in [0, 1]; flows get their gradient here."""
samples = compiled(_samples)
"""The samples of `sharp_samples`, from indices and shares."""


def sharp_samples(curved: Tensor, flow: Tensor, ratio: Tensor, of: Tensor) -> Tensor:
    """Samples a frame at `x - flow(x)`, as `dense_image_warp` does.

    Args:
      curved: (B, H, W, 5) float32, the frame `with_curvature`.
      flow: (B, H, W, 4) float32, (dy, dx) to the first and to the second frame.
      ratio: factor that converts the flow to px of the frame.
      of: 0 or 1, the index of the frame in the pair.

    Returns:
      (B, H, W, 4) float32: bilinear samples of RGB, and their blur of brightness; RGB minus `CATMULL_ROM` times the
      blur is sharp.
    """
    return samples(curved, indices(flow, ratio, of), shares(flow, ratio, of))
