"""The two convolutional networks of ST-LPIPS, AlexNet and VGG16, tolerant of shifts of a few pixels.

They are the published networks (Krizhevsky et al., 2012; Simonyan & Zisserman, 2015) with the changes of Ghildyal & Liu
(ECCV 2022): before each subsampling there is a blur (Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML
2019) whose border is reflected by two pixels, and the first convolution of AlexNet does not subsample.

If XLA compiles the whole step, maxima and blurs are computed from slices, because its gradient of pooling and its
depthwise convolution take 6 to 30 times as long. Without that, the slices are the slower way.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import tensorflow as tf

from frame_booster.network.compiling import is_inlined
from frame_booster.network.layers import Tensor

Backbone = Literal["alexnet", "vgg16"]


@dataclass(frozen=True)
class Convolution:
    """A convolution with bias and a stride of 1."""

    channels: int
    filters: int
    size: int
    edge: int
    """Zero padding on each side, px."""

    def apply(self, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        """Maps (B, H, W, channels) to (B, `left(H)`, `left(W)`, filters)."""
        edge = [self.edge, self.edge]
        # "SAME": with explicit padding, the gradient in bfloat16 takes fifty times as long on a CPU.
        padding: Any = "SAME" if self.size == 2 * self.edge + 1 else [[0, 0], edge, edge, [0, 0]]
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, padding), bias)

    def left(self, side: int) -> int:
        """Returns the side of the output, px."""
        return side + 2 * self.edge - self.size + 1


@dataclass(frozen=True)
class Relu:
    """Sets negative values to zero."""

    def apply(self, x: Tensor) -> Tensor:
        """Keeps shape and dtype."""
        return tf.nn.relu(x)

    def left(self, side: int) -> int:
        """Returns the side of the output, px."""
        return side


def _neighbours(x: Tensor, axis: int, window: int, stride: int) -> list[Tensor]:
    """Returns the first, second and so on pixel of all windows along an axis (1 or 2) of (B, H, W, C) of known size."""
    begins = x.shape[axis] - window + 1
    slices = [slice(k, k + begins, stride) for k in range(window)]
    return [x[:, part] if axis == 1 else x[:, :, part] for part in slices]


@dataclass(frozen=True)
class Pooling:
    """Max pooling with a stride of 1."""

    window: int
    """Side of the window, px."""

    def apply(self, x: Tensor) -> Tensor:
        """Maps (B, H, W, C) to (B, `left(H)`, `left(W)`, C) of the same dtype."""
        if not is_inlined():
            return tf.nn.max_pool2d(x, self.window, 1, "VALID")
        for axis in (1, 2):
            x = functools.reduce(tf.maximum, _neighbours(x, axis, self.window, 1))
        return x

    def left(self, side: int) -> int:
        """Returns the side of the output, px."""
        return side - self.window + 1


@dataclass(frozen=True)
class Blur:
    """A blur with the weights 1-2-1 in both directions and a stride of 2; the border is reflected."""

    edge: int = 2

    def apply(self, x: Tensor) -> Tensor:
        """Maps (B, H, W, C) to (B, `left(H)`, `left(W)`, C) of the same dtype, which represents the weights exactly."""
        edge = [self.edge, self.edge]
        x = tf.pad(x, [[0, 0], edge, edge, [0, 0]], "REFLECT")
        if is_inlined():
            for axis in (1, 2):
                before, middle, after = _neighbours(x, axis, 3, 2)
                x = 0.25 * before + 0.5 * middle + 0.25 * after
            return x
        line = tf.constant([0.25, 0.5, 0.25], x.dtype)
        kernel = tf.tile((line[:, None] * line)[..., None, None], [1, 1, x.shape[-1], 1])
        return tf.nn.depthwise_conv2d(x, kernel, [1, 2, 2, 1], "VALID")

    def left(self, side: int) -> int:
        """Returns the side of the output, px; 0 if the input is too small to reflect."""
        return (side + 2 * self.edge - 1) // 2 if side > self.edge else 0


Layer = Convolution | Relu | Pooling | Blur
Stages = tuple[tuple[Layer, ...], ...]
"""The layers up to each feature map that is compared, in the order of computation."""

_RELU, _BLUR = Relu(), Blur()


def _block(*channels: int) -> tuple[Layer, ...]:
    """Returns the 3x3 convolutions of one block of VGG16, each with its ReLU, by their numbers of channels."""
    return tuple(layer for pair in pairwise(channels) for layer in (Convolution(*pair, size=3, edge=1), _RELU))


BACKBONES: dict[Backbone, Stages] = {
    "alexnet": (
        (Convolution(3, 64, size=11, edge=2), _BLUR, _RELU),
        (Pooling(3), _BLUR, Convolution(64, 192, size=5, edge=2), _RELU),
        (Pooling(3), _BLUR, Convolution(192, 384, size=3, edge=1), _RELU),
        (Convolution(384, 256, size=3, edge=1), _RELU),
        (Convolution(256, 256, size=3, edge=1), _RELU),
    ),
    "vgg16": (
        _block(3, 64, 64),
        (Pooling(2), _BLUR, *_block(64, 128, 128)),
        (Pooling(2), _BLUR, *_block(128, 256, 256, 256)),
        (Pooling(2), _BLUR, *_block(256, 512, 512, 512)),
        (Pooling(2), _BLUR, *_block(512, 512, 512, 512)),
    ),
}


def weight_shapes(backbone: Backbone) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of all weights by name.

    `convolution0.kernel` (size, size, channels, filters), `convolution0.bias` (filters,) and so on are in the order of
    computation. Then follow `comparison0` (channels,) and so on, the weight of each channel of a feature map.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    compared = []
    for stage in BACKBONES[backbone]:
        convolutions = [layer for layer in stage if isinstance(layer, Convolution)]
        for layer in convolutions:
            number = len(shapes) // 2
            shapes[f"convolution{number}.kernel"] = (layer.size, layer.size, layer.channels, layer.filters)
            shapes[f"convolution{number}.bias"] = (layer.filters,)
        compared.append(convolutions[-1].filters)
    return shapes | {f"comparison{number}": (channels,) for number, channels in enumerate(compared)}


def smallest_side(backbone: Backbone) -> int:
    """Returns the minimum height and width, px, with which no feature map is empty."""

    def reaches_the_end(side: int) -> bool:
        for layer in (layer for stage in BACKBONES[backbone] for layer in stage):
            side = layer.left(side)
            if side < 1:
                return False
        return True

    return next(side for side in range(1, 1 << 10) if reaches_the_end(side))
