"""Bilinear backward warp with the contract of `tfa.image.dense_image_warp`.

The contract: `out(y, x) = image(y - flow_y, x - flow_x)`, flow as (dy, dx) in px, sampled
bilinearly, clamped at the border, at least 2x2 px. On Python 3.10-3.11 tensorflow-addons
provides that function; later Pythons cannot install it, and use `gather_warp`, its equal in
values and gradients (tests/network/test_warp.py compares them).
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable

import tensorflow as tf

from frame_booster.network.compiling import compiled, differentiable
from frame_booster.network.layers import Tensor
from frame_booster.network.warp_gradients import flow_gradient, warp_gradients


def gather_warp(image: Tensor, flow: Tensor) -> Tensor:
    """Samples `image` at `x - flow(x)`: four gathers on flat indices.

    Args:
      image: (B, H, W, C) float, H and W at least 2.
      flow: (B, H, W, 2) float32, (dy, dx) in px, or (B, H, W, K, 2), K of them at each place.

    Returns:
      (B, H, W, C) or (B, H, W, K, C), dtype of `image`; the interpolation itself is float32.
    """
    batch, height, width, _ = tf.unstack(tf.shape(image))
    more = [1] * (len(flow.shape) - 4)

    def corner(position: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        last = tf.cast(size - 2, tf.float32)
        low = tf.minimum(tf.maximum(0.0, tf.floor(position)), last)
        # Constant first in both: at a tie the gradient goes to the first argument, as in tensorflow-addons.
        return tf.cast(low, tf.int32), tf.minimum(tf.maximum(0.0, position - low), 1.0)[..., None]

    y, wy = corner(tf.reshape(tf.range(height, dtype=tf.float32), [1, -1, 1, *more]) - flow[..., 0], height)
    x, wx = corner(tf.reshape(tf.range(width, dtype=tf.float32), [1, 1, -1, *more]) - flow[..., 1], width)
    index = (tf.reshape(tf.range(batch), [-1, 1, 1, *more]) * height + y) * width + x
    return _between_pixels(image, index, width, wy, wx)


def sampled(image: Tensor, flow: Tensor) -> Tensor:
    """`gather_warp` for inference: the same results in fewer steps, for any number of channels.

    A tenth faster, and compiled in two thirds of the time. Its automatic gradient differs at whole pixels.

    Args:
      image: (B, H, W, C) float, H and W at least 2.
      flow: (B, h, w, 2) float32, (dy, dx) in px, from the first h rows and w columns of the image.
    """
    batch, height, width, _ = tf.unstack(tf.shape(image))

    def corner(position: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        inside = tf.clip_by_value(position, 0.0, tf.cast(size - 1, tf.float32))
        low = tf.minimum(tf.cast(inside, tf.int32), size - 2)
        return low, (inside - tf.cast(low, tf.float32))[..., None]

    rows, columns = (tf.range(tf.shape(flow)[axis], dtype=tf.float32) for axis in (1, 2))
    y, wy = corner(tf.reshape(rows, [1, -1, 1]) - flow[..., 0], height)
    x, wx = corner(tf.reshape(columns, [1, 1, -1]) - flow[..., 1], width)
    index = (tf.reshape(tf.range(batch), [-1, 1, 1]) * height + y) * width + x
    return _between_pixels(image, index, width, wy, wx)


def _between_pixels(image: Tensor, index: Tensor, width: Tensor, wy: Tensor, wx: Tensor) -> Tensor:
    """Interpolates between the pixels at `index` and their neighbours to the right, below and diagonally below."""
    channels = tf.shape(image)[-1] if image.shape[-1] is None else image.shape[-1]
    pixels = tf.reshape(image, [-1, channels])

    def at(offset: Tensor) -> Tensor:
        return tf.cast(tf.gather(pixels, index + offset), tf.float32)

    first, below = at(0), at(width)
    top = first + wx * (at(1) - first)
    bottom = below + wx * (at(width + 1) - below)
    return tf.cast(top + wy * (bottom - top), image.dtype)


@functools.cache
def addons_warp() -> Callable[[Tensor, Tensor], Tensor] | None:
    """Returns `tfa.image.dense_image_warp` for any float dtype of the image, or None if it cannot be installed.

    Imported only when needed: that takes 0.2 s, for which networks that use `gather_warp` need not wait.
    """
    with warnings.catch_warnings():
        # Its end-of-life notice is known (docs/decisions/0002) and of no use to a person at a terminal.
        warnings.simplefilter("ignore")
        try:
            from tensorflow_addons.image.dense_image_warp import dense_image_warp
        except ImportError:
            return None

    def warp(image: Tensor, flow: Tensor) -> Tensor:
        return tf.cast(dense_image_warp(tf.cast(image, tf.float32), flow), image.dtype)

    return warp


def _lane_warp(image: Tensor, flow: Tensor) -> Tensor:
    return (addons_warp() or gather_warp)(image, flow)


dense_image_warp = compiled(
    _lane_warp, plainly=gather_warp, training=differentiable(compiled(_lane_warp), warp_gradients)
)
"""The warp of this lane, compiled by XLA: 4 to 7 times faster on a CPU than plain operations. A `training_graph` uses
`warp_gradients`."""

_frame_warp = compiled(gather_warp)
_flow_gradient = compiled(flow_gradient)
frame_warp = differentiable(_frame_warp, lambda upstream, image, flow: (None, _flow_gradient(upstream, image, flow)))
"""`gather_warp` for frames, which are data: only the flow has a gradient, `flow_gradient`."""

compiled_gather_warp = compiled(gather_warp)
"""`gather_warp`, compiled by XLA, on both lanes."""


def side(flow: Tensor, of: Tensor) -> Tensor:
    """Returns the half (..., 2) of the flows (..., 4) that belongs to frame 0 or frame 1."""
    # Told by a number, not by a string, so that a loop is traced once for both.
    return tf.where(tf.equal(of, 0), flow[..., :2], flow[..., 2:])


def _side_warp(image: Tensor, flow: Tensor, of: Tensor) -> Tensor:
    return gather_warp(image, side(flow, of))


def _warp_by_motion(image: Tensor, motion: Tensor, time: Tensor) -> Tensor:
    return gather_warp(image, time * motion)


# What a loop needs is cut out and scaled within it: as an operation of its own, that costs as much as the warp.
side_warp = compiled(_side_warp)
"""`gather_warp` of frame 0 or frame 1 by its `side` of a flow (B, H, W, 4)."""
warp_by_motion = compiled(_warp_by_motion)
"""`gather_warp` by a motion (B, H, W, 2) px times `time` (B, 1, 1, 1)."""
