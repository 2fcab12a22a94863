"""Cost of a network: parameters and multiply-adds of each stage, counted in its graph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Any

import tensorflow as tf

from frame_booster.engine.code_values import padded
from frame_booster.network.layers import count_weights
from frame_booster.network.presets import create_network

FRAMES = 3
"""Number of frames in the counted graph: a batch of this size holds frames, one of 1 or 2 the pair in that many
orders."""


@dataclass(frozen=True)
class StageCost:
    """Cost of one stage (a direct part of the network)."""

    stage: str
    parameters: int
    macs_per_pixel: float
    """Convolution multiply-adds per pixel of an interpolated frame; the features of a frame are counted once."""


def stage_costs(name: str, height: int = 720, width: int = 1280) -> list[StageCost]:
    """Counts the cost of a network at a frame size.

    Args:
      name: name of the network.
      height, width: size of the frame, px. It is padded as in inference, and figures are per pixel of the padded frame.

    Returns:
      The cost of each stage, in the order of the network's parts.
    """
    network = create_network(name)
    height, width = padded(height, network.multiple), padded(width, network.multiple)
    frames = tf.TensorSpec([FRAMES, height, width, 3], tf.float32)
    indices = tf.TensorSpec([1], tf.int32)
    traced = tf.function(network.between, autograph=False).get_concrete_function(
        frames, indices, indices, tf.TensorSpec([1], tf.float32)
    )
    parts = network.parts()
    counts = dict.fromkeys((part.name for part in parts), 0.0)
    for operation in traced.graph.get_operations():
        if operation.type == "Conv2D":
            # Keras 3 numbers the scopes of later calls: "encoder_1/half_1/Conv2D".
            scopes = [re.sub(r"_\d+$", "", scope) for scope in operation.name.split("/")]
            stage = next(name for name in counts if name in scopes)
            counts[stage] += _macs(operation)
    return [StageCost(part.name, count_weights(part), counts[part.name] / (height * width)) for part in parts]


def _macs(operation: Any) -> int:
    """Multiply-adds of a convolution: for one frame if its batch holds frames, otherwise for the pair."""
    kernel = operation.inputs[1].shape.as_list()
    batch, out_height, out_width, filters = operation.outputs[0].shape.as_list()
    return prod([1 if batch == FRAMES else batch, out_height, out_width, filters, *kernel[:3]])
