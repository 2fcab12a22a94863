"""Functions of both kinds of step: plain variables for gradients, and the PSNR of a batch."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from frame_booster.network.layers import Tensor


def plain_variable(variable: Any) -> Any:
    """Returns the `tf.Variable` of a layer's variable, which Keras 3 wraps.

    TensorFlow computes no gradient for a wrapped variable that the loss does not depend on.
    """
    value = getattr(variable, "value", None)
    return variable if value is None or callable(value) else value


def batch_psnr(made: Tensor, truth: Tensor) -> Tensor:
    """Returns the mean PSNR, dB, of frames (B, H, W, 3) in [0, 1]; at most 80, for equal frames."""
    squared = tf.reduce_mean(tf.square(made - truth), [1, 2, 3])
    return tf.reduce_mean(-10.0 / math.log(10.0) * tf.math.log(squared + 1e-8))
