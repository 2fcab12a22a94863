"""A trained network as the teacher of another: its optical flow is a label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from frame_booster.engine.model import shipped_weights
from frame_booster.errors import InputError, ModelError
from frame_booster.network.layers import Tensor
from frame_booster.network.presets import PRESETS, create_network
from frame_booster.network.weights import load_weights, read_metadata
from frame_booster.training.loop.checks import STORED


def load_teacher(name: str, precision: str) -> Any:
    """Loads the network whose flow is a label; returns None without a teacher or with stored flows.

    Args:
      name: value of `RunConfig.teacher`: the name of a network that ships, or a weights file.
      precision: dtype of the convolutions.

    Raises:
      InputError, ModelError: there is no such network or file, or the weights cannot be used.
    """
    if name in ("", STORED):
        return None
    if name in PRESETS:
        network, weights = name, shipped_weights(name)
    else:
        weights = Path(name)
        if not weights.is_file():
            raise InputError(f"no teacher {name!r}", hint=f"use {', '.join(PRESETS)}, {STORED}, or a weights file")
        network = read_metadata(weights).get("network", "")
        if network not in PRESETS:
            raise ModelError(f"the weights are for the network {network!r}, which does not exist", path=weights)
    teacher = create_network(network, precision)
    load_weights(weights, teacher)
    return teacher


def taught_flow(teacher: Any, first: Tensor, second: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Computes a teacher's flows to both frames, and its interpolated frames.

    Args:
      teacher: result of `load_teacher`.
      first, second: (B, H, W, 3) float32 in [0, 1].
      t: (B,) float32 in (0, 1).

    Returns:
      Flows (B, H, W, 4) px at full size; frames (B, H, W, 3); and (B,) float32, 0 where the teacher interpolates only
        middle frames and t is another time, else 1. None of them has a gradient.
    """
    prediction = teacher(first, second, t)
    flow = tf.concat(prediction.flows[-1], -1)
    factor = first.shape[1] // flow.shape[1]
    if factor > 1:
        flow = float(factor) * tf.image.resize(flow, first.shape[1:3], "bilinear")
    known = tf.ones_like(t) if teacher.any_timestep else tf.cast(tf.abs(t - 0.5) < 1e-4, tf.float32)
    return tf.stop_gradient(flow), tf.stop_gradient(prediction.unclipped), known
