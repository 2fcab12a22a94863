"""FBNet-2, end of stage 3 in inference: both flows from one linear motion, and spline sampling of brightness.

Since it is trained for sharpness, fusion shifts both flows together by up to half a pixel, to where bilinear sampling
blurs least, and the picture shifts with them. Here both flows are replaced by parts of one linear motion, which removes
the shift, and the blur is removed at its source: brightness is sampled by a Catmull-Rom spline (E. Catmull and R. Rom,
"A class of local interpolating splines", 1974). Along one axis, at the fraction u between two pixels, the spline is the
bilinear sample minus u (1 - u) / 2 of the second differences, sampled in the same way; where the flow is smooth these
are the second differences of the blend. The mixed term of both axes is left out. No weights; training omits it unless
its recipe says `refined`. Measured in docs/decisions/0024-linear-motion.md.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.fbnet_2.blend import blend
from frame_booster.network.fbnet_2.brightness import luma
from frame_booster.network.fbnet_2.flow import corrected
from frame_booster.network.fbnet_2.sizes import RESIDUAL, SHARPNESS
from frame_booster.network.layers import Tensor


def _linear(motion: Tensor, out: Tensor, t: Tensor) -> Tensor:
    motion = corrected(motion, out)
    step = motion[..., 2:4] - motion[..., :2]
    return tf.concat([-t * step, (1.0 - t) * step, motion[..., 4:]], -1)


def _bent(flow: Tensor, axis: int) -> Tensor:
    """Returns u (1 - u), (B, H, W), for the fractions u of the rows or columns that a flow (B, H, W, 2) samples."""
    size = tf.shape(flow)[1 + axis]
    here = tf.reshape(tf.range(size, dtype=tf.float32), [1, -1, 1] if axis == 0 else [1, 1, -1])
    place = tf.clip_by_value(here - flow[..., axis], 0.0, tf.cast(size - 1, tf.float32))
    fraction = place - tf.floor(place)
    return fraction * (1.0 - fraction)


def _detail(blended: Tensor, motion: Tensor) -> Tensor:
    values, share = luma(blended), tf.sigmoid(motion[..., 4])
    around = tf.pad(values, [[0, 0], [1, 1], [1, 1]], "REFLECT")
    pairs = (around[:, :-2, 1:-1], around[:, 2:, 1:-1]), (around[:, 1:-1, :-2], around[:, 1:-1, 2:])
    made = tf.zeros_like(values)
    for axis, (before, after) in enumerate(pairs):
        bent0, bent1 = _bent(motion[..., :2], axis), _bent(motion[..., 2:4], axis)
        made -= (bent0 + share * (bent1 - bent0)) * (before - 2.0 * values + after)
    return SHARPNESS * made[..., None]


def _finished(blended: Tensor, detail: Tensor, out: Tensor) -> Tensor:
    return blended + detail + 0.1 * RESIDUAL * tf.cast(out[..., 5:], tf.float32)


linear = compiled(_linear)
"""Corrects a motion (B, H, W, 5) by the outputs of fusion (B, H, W, 8), and makes its flows -t and 1 - t of one motion,
for t (B, 1, 1, 1)."""
detail = compiled(_detail)
"""Computes what spline sampling adds to the brightness of such a blend, (B, H, W, 1)."""
finished = compiled(_finished)
"""The interpolated frame (B, H, W, 3), not clipped: blend, detail and residual."""


def blended_by_linear_motion(
    frame0: Tensor, frame1: Tensor, motion: Tensor, out: Tensor, t: Tensor
) -> tuple[Tensor, Tensor]:
    """Warps both frames by one motion and blends them.

    Args:
      frame0, frame1: (B, H, W, 3) float32 RGB in [0, 1].
      motion: (B, H, W, 5) float32, before fusion's correction.
      out: fusion's outputs, (B, H, W, 8) of any float dtype.
      t: (B, 1, 1, 1) float32 in (0, 1).

    Returns:
      RGB (B, H, W, 3) float32, not clipped, and the motion that was used.
    """
    motion = linear(motion, out, t)
    softly = blend(frame0, frame1, motion)
    return finished(softly, detail(softly, motion), out), motion
