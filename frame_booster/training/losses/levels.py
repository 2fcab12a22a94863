"""Loss of the frames warped by the flow of each level, so that coarse flow does not only learn through finer levels.

It corresponds to the intermediate supervision of RIFE (Huang et al., 2022) and IFRNet (Kong et al., 2022), without a
teacher.
"""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.compiling import compiled
from frame_booster.network.layers import Tensor
from frame_booster.network.warp import frame_warp


def shrunk(x: Tensor, factor: int) -> Tensor:
    """Averages (B, H, W, C) over squares of `factor` px, to (B, H / factor, W / factor, C)."""
    return x if factor == 1 else tf.nn.avg_pool2d(x, factor, factor, "VALID")


def _distance(warped0: Tensor, warped1: Tensor, share: Tensor, truth: Tensor) -> Tensor:
    difference = warped0 + share * (warped1 - warped0) - truth
    return tf.reduce_mean(tf.sqrt(tf.square(difference) + 1e-6), -1, keepdims=True)


_compiled_distance = compiled(_distance)


def levels_error(
    flows: list[tuple[Tensor, Tensor]],
    masks: list[Tensor],
    first: Tensor,
    second: Tensor,
    truth: Tensor,
    t: Tensor,
) -> Tensor:
    """Charbonnier distance of downscaled frames, warped by the flows of a level and blended, to the true frame.

    Args:
      flows: as in `Prediction`, coarse to fine. The coarsest flow is left out, because it is corrected before it is
        used; flows at full size are left out, because the loss of the frame trains them.
      masks: as in `Prediction`; empty: the share of frame 1 is t.
      first, second, truth: (B, H, W, 3) float32 in [0, 1].
      t: (B,) float32 in (0, 1).

    Returns:
      (B,), summed over levels.
    """
    total = tf.zeros(tf.shape(truth)[:1])
    for level, pair in enumerate(flows):
        factor = truth.shape[1] // pair[0].shape[1]
        if level == 0 or factor == 1:
            continue
        small0, small1, target = (shrunk(frame, factor) for frame in (first, second, truth))
        warped0, warped1 = frame_warp(small0, pair[0]), frame_warp(small1, pair[1])
        share = tf.sigmoid(masks[level]) if masks else tf.reshape(t, [-1, 1, 1, 1]) + 0.0 * pair[0][..., :1]
        total += tf.reduce_mean(_compiled_distance(warped0, warped1, share, target), [1, 2, 3])
    return total
