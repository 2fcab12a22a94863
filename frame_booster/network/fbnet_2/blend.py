"""FBNet-2, end of stage 3: backward warp of both frames, blend by the occlusion mask, and the gradients of both.

In inference, and in training with `refined`, `linear_motion.py` adds to `blend`; `blended` is this stage as the
reference trains it.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from frame_booster.network.compiling import FEW_PIXELS, compiled, differentiable
from frame_booster.network.fbnet_2.flow import corrected, warp_first, warp_one, warp_second
from frame_booster.network.layers import Tensor
from frame_booster.network.warp_gradients import flow_gradient


def _blend(frame0: Tensor, frame1: Tensor, motion: Tensor) -> Tensor:
    return _mixed(warp_one(frame0, motion, 0), warp_one(frame1, motion, 1), motion)


def _blended(frame0: Tensor, frame1: Tensor, motion: Tensor, out: Tensor) -> Tensor:
    return _blend(frame0, frame1, corrected(motion, out)) + _residual(out)


def _first_flow_gradient(upstream: Tensor, frame: Tensor, motion: Tensor) -> Tensor:
    return flow_gradient(upstream, frame, motion[..., :2])


def _second_flow_gradient(upstream: Tensor, frame: Tensor, motion: Tensor) -> Tensor:
    return flow_gradient(upstream, frame, motion[..., 2:4])


def _first_share_gradient(upstream: Tensor, frame: Tensor, motion: Tensor) -> Tensor:
    return flow_gradient(upstream * (1.0 - tf.sigmoid(motion[..., 4:])), frame, motion[..., :2])


def _second_share_gradient(upstream: Tensor, frame: Tensor, motion: Tensor) -> Tensor:
    return flow_gradient(upstream * tf.sigmoid(motion[..., 4:]), frame, motion[..., 2:4])


def _mixed(warped0: Tensor, warped1: Tensor, motion: Tensor) -> Tensor:
    return warped0 + tf.sigmoid(motion[..., 4:]) * (warped1 - warped0)


def _residual(out: Tensor) -> Tensor:
    return 0.1 * tf.cast(out[..., 5:], tf.float32)


def _finished(warped0: Tensor, warped1: Tensor, motion: Tensor, out: Tensor) -> Tensor:
    return _mixed(warped0, warped1, motion) + _residual(out)


def _mask_gradient(upstream: Tensor, warped0: Tensor, warped1: Tensor, motion: Tensor) -> Tensor:
    share = tf.sigmoid(motion[..., 4:])
    return share * (1.0 - share) * tf.reduce_sum(upstream * (warped1 - warped0), -1, keepdims=True)


def _out_gradient(change: Tensor, upstream: Tensor) -> Tensor:
    return tf.concat([2.0 * change, 0.1 * upstream], -1)


# One loop for each map that is written: where the channels of one map are computed in different ways, XLA decides
# for every number how, which takes longer than the second loop.
_loops = {
    function: compiled(function)
    for function in (
        warp_first,
        warp_second,
        _first_flow_gradient,
        _second_flow_gradient,
        _first_share_gradient,
        _second_share_gradient,
        _mixed,
        _finished,
        _mask_gradient,
        _out_gradient,
    )
}


def _first_warp_gradients(upstream: Tensor, frame: Tensor, motion: Tensor) -> tuple[None, Tensor]:
    change = _loops[_first_flow_gradient](upstream, frame, motion)
    return None, tf.concat([change, tf.zeros_like(motion[..., 2:])], -1)


def _second_warp_gradients(upstream: Tensor, frame: Tensor, motion: Tensor) -> tuple[None, Tensor]:
    change = _loops[_second_flow_gradient](upstream, frame, motion)
    return None, tf.concat([tf.zeros_like(motion[..., :2]), change, tf.zeros_like(motion[..., 4:])], -1)


def _blend_in_training(frame0: Tensor, frame1: Tensor, motion: Tensor) -> tuple[Tensor, ...]:
    warped0, warped1 = _loops[warp_first](frame0, motion), _loops[warp_second](frame1, motion)
    return _loops[_mixed](warped0, warped1, motion), warped0, warped1


def _blend_gradients(
    upstream: Tensor, frame0: Tensor, frame1: Tensor, motion: Tensor, warped0: Tensor, warped1: Tensor
) -> tuple[None, None, Tensor]:
    first = _loops[_first_share_gradient](upstream, frame0, motion)
    second = _loops[_second_share_gradient](upstream, frame1, motion)
    return None, None, tf.concat([first, second, _loops[_mask_gradient](upstream, warped0, warped1, motion)], -1)


def _blended_in_training(frame0: Tensor, frame1: Tensor, motion: Tensor, out: Tensor) -> tuple[Tensor, ...]:
    motion = corrected(motion, out)
    warped0, warped1 = _loops[warp_first](frame0, motion), _loops[warp_second](frame1, motion)
    return _loops[_finished](warped0, warped1, motion, out), motion, warped0, warped1


def _blended_gradients(
    upstream: Tensor,
    frame0: Tensor,
    frame1: Tensor,
    _before: Tensor,
    out: Tensor,
    motion: Tensor,
    warped0: Tensor,
    warped1: Tensor,
) -> tuple[None, None, Tensor, Tensor]:
    *_, change = _blend_gradients(upstream, frame0, frame1, motion, warped0, warped1)
    return None, None, change, tf.cast(_loops[_out_gradient](change, upstream), out.dtype)


_trained_warps = (
    differentiable(_loops[warp_first], _first_warp_gradients),
    differentiable(_loops[warp_second], _second_warp_gradients),
)


def _trained_warp(frame: Tensor, motion: Tensor, of: int, dtype: str) -> Tensor:
    return tf.cast(_trained_warps[of](frame, motion), dtype)


def _frame_warped(frame: Tensor, motion: Tensor, of: Any, dtype: str) -> Tensor:
    return tf.cast(warp_one(frame, motion, of), dtype)


frame_warped = compiled(_frame_warped, training=_trained_warp, least_pixels=FEW_PIXELS)
"""Warps frame 0 or 1 (B, H, W, 3), chosen by the number, by its half of a motion (B, H, W, 5), in a dtype. Frames are
inputs without a gradient."""
blend = compiled(_blend, training=differentiable(_blend_in_training, _blend_gradients))
"""Warps both frames (B, H, W, 3) by their halves of a motion (B, H, W, 5) and blends them by its mask."""
blended = compiled(_blended, training=differentiable(_blended_in_training, _blended_gradients))
"""Computes the interpolated frame (B, H, W, 3), not clipped: frames warped by the corrected motion and blended by the
mask, plus the residual. One loop, so that no warped frame is stored."""
