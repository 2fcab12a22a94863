"""The layer that holds all weights of our networks, and the names of those weights."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

from frame_booster.network.compiling import compiled, differentiable, in_training

Tensor = Any
"""A `tf.Tensor`. TensorFlow ships no complete type stubs, so the checker sees `Any`."""


_to_be_loaded = ContextVar("to be loaded", default=False)


@contextmanager
def weights_to_be_loaded() -> Iterator[None]:
    """Within it, kernels begin at zero: drawing numbers for them is half the time that building a network takes."""
    token = _to_be_loaded.set(True)
    try:
        yield
    finally:
        _to_be_loaded.reset(token)


_constants = ContextVar("constants", default=False)


@contextmanager
def weights_as_constants() -> Iterator[None]:
    """Within it, graphs are traced with the numbers that weights have now; later changes do not reach them."""
    token = _constants.set(True)
    try:
        yield
    finally:
        _constants.reset(token)


def weight_value(variable: Any) -> Tensor:
    """Returns what a variable holds: a constant within `weights_as_constants`."""
    if not _constants.get():
        return tf.convert_to_tensor(variable)
    with tf.init_scope():
        numbers = tf.convert_to_tensor(variable).numpy()
    return tf.constant(numbers)


class Stage(tf.keras.layers.Layer):  # type: ignore[misc]
    """A Keras layer made of other layers, that leaves the dtype of what passes through it alone.

    Keras would cast every input to the layer's own dtype; here flows and frames stay float32
    while features may be bfloat16, so automatic casting is off.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name, autocast=False)

    def __init_subclass__(cls, **named: Any) -> None:
        """Refuses a stage that does not list its parts, as `abc.ABC` would: Keras' layers have another metaclass."""
        super().__init_subclass__(**named)
        if cls.parts is Stage.parts:
            raise TypeError(f"{cls.__name__} must list its sub-layers in `parts`")

    @abstractmethod
    def parts(self) -> list[tf.keras.layers.Layer]:
        """Returns the direct sub-layers, in the order in which their weights are listed."""


@functools.cache
def _trained_leaky_relu(slope: float) -> Callable[[Tensor], Tensor]:
    def leaky_relu_gradient(upstream: Tensor, made: Tensor) -> Tensor:
        return tf.where(made > 0, upstream, tf.cast(slope, upstream.dtype) * upstream)

    gradient = compiled(leaky_relu_gradient)

    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        made = tf.nn.leaky_relu(x, slope)
        return made, made

    return differentiable(function, lambda upstream, _x, made: gradient(upstream, made))


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    """`tf.nn.leaky_relu`; a `training_graph` has its gradient from a loop of XLA's, of what it made.

    TensorFlow's own takes ten times as long in bfloat16 on a processor: half the time of a step of FBNet's.

    Args:
      x: any shape and float dtype.
      slope: for negative values, above 0.
    """
    return _trained_leaky_relu(slope)(x) if in_training() else tf.nn.leaky_relu(x, slope)


class Convolution(tf.keras.layers.Layer):  # type: ignore[misc]
    """A "same" convolution with bias and LeakyReLU, computed in a chosen dtype.

    Weights are float32 variables, made at construction (the number of input channels is known), so a
    network is complete before its first call. `tf.nn` ops rather than `Conv2D`: Keras 3 adds the
    bias with a broadcast `Add`, which oneDNN does not fuse, and both versions must give the same graph.

    Args:
      channels: of the input.
      filters: channels of the output.
      size: side of the kernel, px.
      stride: px.
      dilation: distance between the taps of the kernel, px; more than 1 only at a stride of 1.
      slope: of the LeakyReLU for negative values; None for a linear layer.
      precision: dtype the convolution is computed in, and the dtype of the output.
      scale: standard deviation of the initial kernel, as a multiple of He's; 0 starts at zero.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        *,
        size: int = 3,
        stride: int = 1,
        dilation: int = 1,
        slope: float | None = 0.2,
        precision: str = "float32",
        scale: float = 1.0,
        name: str,
    ) -> None:
        super().__init__(name=name, autocast=False)
        self.stride, self.dilation, self.slope, self.precision = stride, dilation, slope, precision
        deviation = scale * (2.0 / (channels * size * size)) ** 0.5
        drawn = scale and not _to_be_loaded.get()
        self.kernel = self.add_weight(
            name="kernel",
            shape=(size, size, channels, filters),
            dtype="float32",
            initializer=tf.keras.initializers.TruncatedNormal(stddev=deviation) if drawn else "zeros",
        )
        self.bias = self.add_weight(name="bias", shape=(filters,), dtype="float32", initializer="zeros")
        self.built = True

    def own_weights(self) -> list[tuple[str, Any]]:
        """Returns the variables by the names that they have in weights files, in the order in which they are listed."""
        return [("kernel", self.kernel), ("bias", self.bias)]

    def weights_as_used(self) -> tuple[Tensor, Tensor]:
        """Returns the kernel (size, size, channels, filters) and the bias (filters,), float32."""
        return weight_value(self.kernel), weight_value(self.bias)

    def edge(self) -> list[int] | None:
        """Returns the zeros before and after rows and columns; None for those of "SAME", which is a little faster."""
        # ONNX Runtime does not work out the edges of a kernel that is spread.
        return [self.dilation * (self.kernel.shape[0] // 2)] * 2 if self.dilation > 1 else None

    def call(self, x: Tensor) -> Tensor:
        """Maps (B, H, W, channels) of any float dtype to (B, H/stride, W/stride, filters) in `precision`.

        Channels beyond those of the weights (of `joined`) are ignored.
        """
        kernel, bias = (tf.cast(value, self.precision) for value in self.weights_as_used())
        surplus = x.shape[-1] - kernel.shape[2]
        if surplus:
            kernel = tf.pad(kernel, [[0, 0], [0, 0], [0, surplus], [0, 0]])
        x, padding = tf.cast(x, self.precision), "SAME"
        edge = self.edge()
        if edge is not None:
            x, padding = tf.pad(x, [[0, 0], edge, edge, [0, 0]]), "VALID"
        y = tf.nn.conv2d(x, kernel, self.stride, padding, dilations=self.dilation)
        y = tf.nn.bias_add(y, bias)
        return y if self.slope is None else leaky_relu(y, self.slope)


CHANNEL_BLOCK = 16
"""oneDNN computes in blocks of so many channels: 202 took 49 ms where 208 took 30."""


def joined(parts: list[Tensor], precision: str) -> Tensor:
    """Concatenates feature maps in one dtype, with channels of zeros up to a multiple of `CHANNEL_BLOCK`."""
    parts = [tf.cast(part, precision) for part in parts]
    surplus = -sum(part.shape[-1] for part in parts) % CHANNEL_BLOCK
    if surplus:
        parts.append(tf.tile(tf.zeros_like(parts[0][..., :1]), [1, 1, 1, surplus]))
    return tf.concat(parts, -1)


def named_weights(layer: tf.keras.layers.Layer, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (name, variable) of all weights below `layer`; names are layer names joined by dots.

    The same on Keras 2.15 and Keras 3, whose own paths and names differ.
    """
    if isinstance(layer, Convolution):
        for name, variable in layer.own_weights():
            yield f"{prefix}{name}", variable
        return
    for part in layer.parts():
        yield from named_weights(part, f"{prefix}{part.name}.")


def count_weights(layer: tf.keras.layers.Layer) -> int:
    """Returns the number of trainable parameters below `layer`."""
    total = 0
    for _, variable in named_weights(layer):
        size = 1
        for side in variable.shape:
            size *= int(side)
        total += size
    return total
