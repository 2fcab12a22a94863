"""Training: samples a second at 256x144 in batches of 8, beside the processor's own convolution peak."""

from __future__ import annotations

import argparse
from math import prod
from typing import Any

import numpy as np

from benchmarks.yardsticks import convolution_peak, median_s, precisions
from frame_booster.engine.device import tensorflow

HEIGHT, WIDTH, BATCH = 144, 256, 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", default="fbnet,fbnet-r")


def forward_macs(network: Any) -> int:
    """Convolution multiply-adds of one sample, both frames encoded."""
    tf = tensorflow()
    frame = tf.TensorSpec([1, HEIGHT, WIDTH, 3], tf.float32)
    traced = tf.function(lambda a, b: network(a, b).frame, autograph=False).get_concrete_function(frame, frame)
    total = 0
    for operation in traced.graph.get_operations():
        if operation.type == "Conv2D":
            total += prod([*operation.outputs[0].shape.as_list(), *operation.inputs[1].shape.as_list()[:3]])
    return total


def run(options: argparse.Namespace) -> None:
    """Prints one line a network, with the loss each is trained with."""
    tf = tensorflow()
    from frame_booster.network.layers import named_weights
    from frame_booster.network.presets import create_network
    from frame_booster.training.config import Phase, RunConfig
    from frame_booster.training.data.sampling import Batch
    from frame_booster.training.loop.step import TrainStep, make_optimizer

    tf.config.optimizer.set_experimental_options({"remapping": False})
    precision = precisions()[0]
    peak = convolution_peak(precision, options.repeat)
    print(f"convolution peak, {precision}: {2e-9 * peak:.0f} GFLOP/s")
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (BATCH, 3, HEIGHT, WIDTH, 3)).astype(np.uint8)
    batch = Batch(frames, np.full(BATCH, 0.5, np.float32), np.zeros((BATCH, HEIGHT, WIDTH, 4), np.float32))
    print(f"{'network':<10}{'samples/s':>12}{'of peak':>9}")
    for name in options.models.split(","):
        mine = name == "fbnet-r"
        phase = Phase(100, HEIGHT, WIDTH, BATCH, (1e-4, 1e-4), choice_weight=(1.0, 1.0) if mine else (0.0, 0.0))
        loss = {"charbonnier": 1.0, "census": 0.1} if mine else {"published": 1.0}
        config = RunConfig(name, loss, (phase,), optimizer="muon" if mine else "nadam", precision=precision)
        network = create_network(name, precision)
        variables = [variable for _, variable in named_weights(network)]
        optimizer = make_optimizer(config)
        optimizer.build(variables)
        step = TrainStep(network, variables, optimizer, config, tf.distribute.get_strategy())
        rate = BATCH / median_s(lambda s=step: s(1, batch), options.repeat)
        # Forward, gradient by the input, gradient by the weights.
        print(f"{name:<10}{rate:>12.2f}{3 * forward_macs(network) * rate / peak:>9.0%}", flush=True)
