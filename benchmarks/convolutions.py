"""A network's convolutions by themselves, as a frame needs them, beside the processor's convolution peak."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any, NamedTuple

from benchmarks.yardsticks import convolution_peak, median_s, precisions
from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.device import tensorflow
from frame_booster.engine.memory_plan import make_plan
from frame_booster.engine.model import Model
from frame_booster.pixels import PixelLayout


class Shape(NamedTuple):
    """What decides how long a convolution takes."""

    image: tuple[int, ...]
    kernel: tuple[int, ...]
    made: tuple[int, ...]
    stride: int
    dilation: int
    padding: str

    @property
    def multiply_adds(self) -> int:
        height, width, channels, filters = self.kernel
        batch, rows, columns, _ = self.made
        return batch * rows * columns * filters * height * width * channels


def convolutions_of(model: Model, layout: PixelLayout) -> Counter[Shape]:
    """The convolutions behind one frame more of a run: encoding it, and making one between it and the last."""
    interpolator = BatchInterpolator(model, layout, make_plan(layout, model))
    found: Counter[Shape] = Counter()
    for function in interpolator.maker.compiled.functions:
        for op in function.get_concrete_function().graph.get_operations():
            if op.type != "Conv2D":
                continue
            shapes = [tuple(x.shape.as_list()) for x in (*op.inputs, op.outputs[0])]
            stride, dilation = op.get_attr("strides")[1], op.get_attr("dilations")[1]
            found[Shape(*shapes, stride, dilation, op.get_attr("padding").decode())] += 1
    return found


TOGETHER = 8
"""Computed in one call: a call takes as long as the smaller ones among them."""


def convolution_s(shape: Shape, precision: str, repeat: int) -> float:
    """Seconds of one, with bias and LeakyReLU, which are part of it where it runs."""
    tf = tensorflow()
    x = tf.cast(tf.random.stateless_normal(shape.image, [1, 2]), precision)
    kernels = tf.cast(tf.random.stateless_normal([TOGETHER, *shape.kernel], [3, 4]), precision)
    bias = tf.zeros(shape.kernel[-1:], precision)

    @tf.function(autograph=False)
    def run(x: Any, kernels: Any, bias: Any) -> Any:
        made = []
        for kernel in tf.unstack(kernels):
            with tf.control_dependencies(made[-1:]):
                y = tf.nn.conv2d(x, kernel, shape.stride, shape.padding, dilations=shape.dilation)
            made.append(tf.nn.leaky_relu(tf.nn.bias_add(y, bias), 0.2)[0, 0, 0, 0])
        return made

    return median_s(lambda: run(x, kernels, bias)[-1].numpy(), repeat) / TOGETHER


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--models", default="fbnet-r,fbnet")
    parser.add_argument("--each", action="store_true", help="a line for every convolution, too")


def run(options: argparse.Namespace) -> None:
    """Prints one line a network and precision."""
    width, height = map(int, options.size.split("x"))
    layout = PixelLayout(width, height, "yuv", 8, 1, 1, "bt709")
    for precision in precisions():
        peak = convolution_peak(precision, options.repeat)
        print(f"convolution peak, {precision}: {2e-9 * peak:.0f} GFLOP/s")
        for name in options.models.split(","):
            found = convolutions_of(Model(name, device="cpu", precision=precision), layout)
            seconds = {shape: count * convolution_s(shape, precision, options.repeat) for shape, count in found.items()}
            if options.each:
                for shape, taken in sorted(seconds.items(), key=lambda item: -item[1]):
                    share = found[shape] * shape.multiply_adds / taken / peak
                    print(f"{1000 * taken:8.2f} ms {share:5.0%}  {found[shape]} of {shape.image} by {shape.kernel}")
            work, total = sum(n * shape.multiply_adds for shape, n in found.items()), sum(seconds.values())
            print(
                f"{name:<10}{options.size:>12}{precision:>12}: {work / width / height:,.0f} multiply-adds a px "
                f"in {1000 * total:.1f} ms, {work / total / peak:.0%} of peak",
                flush=True,
            )
