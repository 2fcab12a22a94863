"""Losses of optical flow: its distance to labels, where these explain the true frame. Frames are float32 in [0, 1]."""

from __future__ import annotations

import tensorflow as tf

from frame_booster.network.layers import Tensor
from frame_booster.network.warp import compiled_gather_warp


def warp_error(frame: Tensor, flow: Tensor, truth: Tensor, window: int = 3) -> Tensor:
    """Mean difference to the true frame over a window (px) of a frame warped by a full-size flow, (B, H, W, 1)."""
    error = tf.reduce_mean(tf.abs(compiled_gather_warp(frame, flow) - truth), -1, keepdims=True)
    return tf.nn.avg_pool2d(error, window, 1, "SAME")


def better_labels(labels: Tensor, others: Tensor, first: Tensor, second: Tensor, truth: Tensor) -> Tensor:
    """Selects, for each pixel and frame, the one of two flows that explains the true frame better.

    Args:
      labels, others: (B, H, W, 4) px at full size, to both frames.
      first, second, truth: frames (B, H, W, 3).

    Returns:
      (B, H, W, 4); where both are equally good, `labels`.
    """
    sides = []
    for side, frame in ((0, first), (1, second)):
        label, other = (flow[..., 2 * side : 2 * side + 2] for flow in (labels, others))
        better = warp_error(frame, other, truth) < warp_error(frame, label, truth)
        sides.append(tf.where(better, other, label))
    return tf.stop_gradient(tf.concat(sides, -1))


def flow_supervision(
    flows: list[tuple[Tensor, Tensor]], labels: Tensor, first: Tensor, second: Tensor, truth: Tensor
) -> Tensor:
    """Returns the distance of the flows of all levels to labels, where the labels explain the true frame better.

    As with RIFE's teacher, a label that is no better than the flow of the network has no weight.

    Args:
      flows: as in `Prediction`, coarse to fine.
      labels: (B, H, W, 4) px at full size.
      first, second, truth: frames (B, H, W, 3).

    Returns:
      (B,) mean L1 distance in px of the level, averaged over levels and directions.
    """
    total = 0.0
    for side, frame in ((0, first), (1, second)):
        label = labels[..., 2 * side : 2 * side + 2]
        error = warp_error(frame, label, truth)
        present = tf.stop_gradient(warp_error(frame, flows[-1][side], truth))
        # e^-1 at a mean error of 13 code values, so that occluded pixels hardly count.
        trust = tf.exp(-20.0 * error) * tf.cast(error < present, tf.float32)
        for pair in flows:
            flow = pair[side]
            ratio = labels.shape[1] // flow.shape[1]
            at, weight = label / float(ratio), trust
            if ratio > 1:
                at = tf.nn.avg_pool2d(at, ratio, ratio, "VALID")
                weight = tf.nn.avg_pool2d(weight, ratio, ratio, "VALID")
            distance = tf.reduce_sum(tf.abs(flow - at), -1, keepdims=True)
            total += tf.reduce_mean(weight * distance, [1, 2, 3])
    return total / (2.0 * len(flows))
