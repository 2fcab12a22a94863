"""ST-LPIPS: perceptual difference of two images that a shift by a pixel hardly changes.

Ghildyal & Liu, "Shift-tolerant Perceptual Similarity Metric", ECCV 2022: LPIPS (Zhang et al., "The Unreasonable
Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018) on networks without aliasing. A small displacement of
an otherwise correct interpolated frame costs little, blur and doubled edges cost much; with PSNR it is the reverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import tensorflow as tf

from frame_booster.errors import InputError
from frame_booster.network.compiling import compiled
from frame_booster.network.layers import Tensor
from frame_booster.training.perceptual.backbones import BACKBONES, Backbone, Convolution, smallest_side
from frame_booster.training.perceptual.torch_checkpoint import Array
from frame_booster.training.perceptual.weights import read_weights

Precision = Literal["float32", "bfloat16"]

_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
"""Mean and standard deviation of red, green and blue of ImageNet, for values scaled from [0, 1] to [-1, 1]."""
_SMALLEST = 1e-10
"""Added to the length of a feature vector before it is the divisor."""


class StLpips:
    """ST-LPIPS on one of its two networks, with constant weights.

    Args:
      backbone: "alexnet" for evaluation, "vgg16" for training, so that training does not optimize the metric of the
        evaluation.
      weights: result of `weights.read_weights`.
      precision: dtype of the convolutions and feature maps; the comparison is float32.

    Raises:
      InputError: the precision is unknown.
    """

    def __init__(self, backbone: Backbone, weights: Mapping[str, Array], precision: Precision = "float32") -> None:
        if precision not in ("float32", "bfloat16"):
            raise InputError(f"precision {precision!r} is unknown", hint="float32 or bfloat16")
        self.backbone, self.precision = backbone, precision
        self._stages, self._smallest = BACKBONES[backbone], smallest_side(backbone)
        count = sum(isinstance(layer, Convolution) for stage in self._stages for layer in stage)
        # Creates the weights only once, even inside a graph.
        with tf.init_scope():
            self._convolutions = [
                [tf.constant(weights[f"convolution{k}.{part}"], precision) for part in ("kernel", "bias")]
                for k in range(count)
            ]
            self._comparisons = [tf.constant(weights[f"comparison{k}"]) for k in range(len(self._stages))]

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Returns the perceptual difference of images.

        Args:
          first, second: (B, H, W, 3) RGB in [0, 1] of the same height and width, of any float dtype; `second` may be a
            batch of one, which is compared with all of `first`.

        Returns:
          (B,) float32, at least 0, differentiable in both; 0 for equal images. Tables show it times 1000.

        Raises:
          InputError: the images have another shape, or are too small for the network.
        """
        return tf.add_n(self.by_stage(first, second))

    def by_stage(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """Returns the terms of the sum, (B,) float32 for each of the five feature maps; arguments as for `__call__`."""
        pairs = zip(self._features(first), self._features(second), self._comparisons, strict=True)
        return [tf.reduce_mean(difference(one, other, weights), [1, 2, 3]) for one, other, weights in pairs]

    def _features(self, pictures: Tensor) -> list[Tensor]:
        """Returns the five feature maps of images."""
        pictures = tf.convert_to_tensor(pictures)
        sides = pictures.shape[1:3].as_list() if pictures.shape.rank == 4 and pictures.shape[3] == 3 else [0]
        # The sides of a batch in a graph may be unknown.
        if any(side is not None and side < self._smallest for side in sides):
            least = f"(B, H, W, 3) with sides of at least {self._smallest} px"
            raise InputError(f"ST-LPIPS compares images {least}, not {tuple(pictures.shape)}")
        x = (2.0 * tf.cast(pictures, tf.float32) - 1.0 - _SHIFT) / _SCALE
        x, number, features = tf.cast(x, self.precision), 0, []
        for stage in self._stages:
            for layer in stage:
                if isinstance(layer, Convolution):
                    x, number = layer.apply(x, *self._convolutions[number]), number + 1
                else:
                    x = layer.apply(x)
            features.append(x)
        return features


def _unit(features: Tensor) -> Tensor:
    """Divides feature vectors by their length, in float32."""
    features = tf.cast(features, tf.float32)
    # A zero vector stays zero. The gradient of its length would be infinite, and infinity times 0 is NaN.
    squared = tf.maximum(tf.reduce_sum(tf.square(features), -1, keepdims=True), _SMALLEST**2)
    return features / (tf.sqrt(squared) + _SMALLEST)


def _weighed_difference(first: Tensor, second: Tensor, weights: Tensor) -> Tensor:
    """Returns the weighted squared difference, (B, H, W, 1) float32, of two normalized feature maps (B, H, W, C)."""
    return tf.reduce_sum(weights * tf.square(_unit(first) - _unit(second)), -1, keepdims=True)


difference = compiled(_weighed_difference)
"""`_weighed_difference` compiled to one loop: maps (B, H, W, C) and weights (C,) to (B, H, W, 1) float32."""


def load_st_lpips(backbone: Backbone, precision: Precision = "float32") -> StLpips:
    """Loads ST-LPIPS with the weights of its authors.

    Args:
      backbone, precision: as for `StLpips`.

    Raises:
      ModelError: the weights are missing (the message says how to get them) or damaged.
      InputError: the backbone or the precision is unknown.
    """
    if backbone not in BACKBONES:
        raise InputError(f"backbone {backbone!r} is unknown", hint=" or ".join(BACKBONES))
    return StLpips(backbone, read_weights(backbone), precision)
