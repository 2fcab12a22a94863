"""The perceptual loss: ST-LPIPS by VGG16 (Ghildyal and Liu, 2022), on a square of a part of the batch.

ST-LPIPS is imported only if a run uses it, because its weights are installed separately.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import tensorflow as tf

from frame_booster.errors import InputError
from frame_booster.network.layers import Tensor

MODULE = "frame_booster.training.perceptual.st_lpips"


def load_perceptual(precision: str) -> Callable[[Tensor, Tensor], Tensor]:
    """Loads the distance of two batches of frames, (B, H, W, 3) RGB in [0, 1], to (B,).

    Args:
      precision: dtype of the convolutions.

    Raises:
      InputError: this installation has no ST-LPIPS.
      ModelError: the weights of ST-LPIPS are missing or damaged.
    """
    try:
        loader: Any = import_module(MODULE).load_st_lpips
    except ImportError as error:
        raise InputError(
            "perceptual_weight needs ST-LPIPS, which this installation does not have",
            hint="set perceptual_weight = [0.0, 0.0] in the phases of the run",
        ) from error
    distance: Callable[[Tensor, Tensor], Tensor] = loader("vgg16", precision)
    return distance


def patches(made: Tensor, truth: Tensor, samples: int, side: int, place: Tensor) -> tuple[Tensor, Tensor]:
    """Cuts the same square out of the last samples of both batches, and clips values to [0, 1].

    Args:
      made, truth: (B, H, W, 3).
      samples: number of samples.
      side: side of the square, px, limited to H and W.
      place: (2,) float32 in [0, 1): position of the square, as a share of the possible positions.
    """
    height, width = made.shape[1:3]
    side = min(side, height, width)
    free = tf.constant([height - side + 1, width - side + 1], tf.float32)
    top, left = tf.unstack(tf.cast(tf.floor(place * free), tf.int32))
    one, other = (tf.clip_by_value(_square(x[-samples:], top, left, side), 0.0, 1.0) for x in (made, truth))
    return one, other


def _square(x: Tensor, top: Tensor, left: Tensor, side: int) -> Tensor:
    """Cuts a square out of (B, H, W, C). With a slice, XLA would need another program for each position.

    Forward and backward are gathers, because XLA's own gradient of a gather is a scatter.
    """

    @tf.custom_gradient
    def cut(x: Tensor) -> Any:
        def gradient(upstream: Tensor) -> Tensor:
            spread, inside = upstream, tf.constant(True)
            for axis, begin in ((1, top), (2, left)):
                place = tf.range(x.shape[axis]) - begin
                spread = tf.gather(spread, tf.clip_by_value(place, 0, side - 1), axis=axis)
                within = (place >= 0) & (place < side)
                inside &= tf.reshape(within, [-1, 1, 1] if axis == 1 else [1, -1, 1])
            return tf.where(inside, spread, tf.zeros_like(spread))

        rows = tf.gather(x, top + tf.range(side), axis=1)
        return tf.gather(rows, left + tf.range(side), axis=2), gradient

    made: Tensor = cut(x)
    return made
