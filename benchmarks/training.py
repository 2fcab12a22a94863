"""Training: samples a second at 256x144 in batches of 8, beside the processor's own convolution peak.

Of FBNet-2, whose step is one computation, samples a second as its recipe trains it, on a GPU where there is one.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.yardsticks import convolution_peak, median_s, precisions
from frame_booster.engine.device import tensorflow

HEIGHT, WIDTH, BATCH = 144, 256, 8
RECIPES = Path(__file__).resolve().parents[1] / "weights" / "recipes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", default="fbnet,fbnet-r,fbnet-2")
    parser.add_argument(
        "--batch", type=int, default=0, help="Of FBNet-2; 0: its recipe's, on crops of its recipe's size."
    )


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


def fused_rate(name: str, precision: str, batch: int, repeat: int) -> float:
    """Samples a second of the step that a recipe `weights/recipes/NAME/NAME.toml` describes, on random frames."""
    tf = tensorflow()
    from frame_booster.network.presets import create_network
    from frame_booster.training.config import load_config
    from frame_booster.training.loop.fused_run import training_device
    from frame_booster.training.loop.fused_step import FusedStep, Samples

    config = load_config(RECIPES / name / f"{name}.toml")
    phase, device = config.phases[0], training_device("auto")
    batch = batch or phase.batch
    with tf.device(device):
        step = FusedStep(create_network(name, precision), replace(config, precision=precision), None, device)
        frames = np.random.default_rng(1).integers(0, 256, (batch, 3, phase.height, phase.width, 3)).astype(np.uint8)
        nothing = tf.zeros([0, phase.height, phase.width, 5], tf.float16)
        samples = Samples(tf.constant(frames), tf.fill([batch], 0.5), tf.zeros(2), nothing, tf.zeros(0))

        def take() -> None:
            step(samples, [1e-4], [step.weights_at(0)])
            step.figures()

        return batch / median_s(take, repeat)


def run(options: argparse.Namespace) -> None:
    """Prints one line a network, with the loss each is trained with."""
    tf = tensorflow()
    from frame_booster.network.layers import named_weights
    from frame_booster.network.presets import create_network
    from frame_booster.training.config import Phase, RunConfig
    from frame_booster.training.data.sampling import Batch
    from frame_booster.training.loop.step import TrainStep, make_optimizer

    precision = precisions()[0]
    peak = convolution_peak(precision, options.repeat)
    print(f"convolution peak, {precision}: {2e-9 * peak:.0f} GFLOP/s")
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (BATCH, 3, HEIGHT, WIDTH, 3)).astype(np.uint8)
    batch = Batch(frames, np.full(BATCH, 0.5, np.float32), np.zeros((BATCH, HEIGHT, WIDTH, 4), np.float32))
    print(f"{'network':<10}{'samples/s':>12}{'of peak':>9}")
    for name in options.models.split(","):
        if name == "fbnet-2":
            print(f"{name:<10}{fused_rate(name, precision, options.batch, options.repeat):>12.2f}", flush=True)
            continue
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
