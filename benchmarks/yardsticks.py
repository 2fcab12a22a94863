"""What figures are held against: measured in the same run, since machines and moments differ."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from frame_booster.engine.device import choose_precision, tensorflow
from frame_booster.network.presets import DEFAULT, preset_of


def median_s(action: Callable[[], Any], repeat: int) -> float:
    """Runs an action once to warm up and then `repeat` times; returns the median, s."""
    action()
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def convolution_peak(precision: str, repeat: int) -> float:
    """Multiply-adds a second of a large 3x3 convolution of 64 to 64 channels."""
    tf = tensorflow()
    x = tf.cast(tf.random.stateless_normal([4, 144, 256, 64], [1, 2]), precision)
    kernel = tf.cast(tf.random.stateless_normal([3, 3, 64, 64], [3, 4]), precision)
    run = tf.function(lambda a, b: tf.reduce_max(tf.nn.conv2d(a, b, 1, "SAME")), autograph=False)
    return 4 * 144 * 256 * 64 * 64 * 9 / median_s(lambda: run(x, kernel).numpy(), repeat)


def memory_bandwidth(repeat: int) -> float:
    """Bytes a second of copying 256 MB, read and write counted."""
    source = np.zeros(32 << 20, np.float64)
    target = np.empty_like(source)
    return 2 * source.nbytes / median_s(lambda: np.copyto(target, source), repeat)


def precisions() -> list[str]:
    """Those that convolutions are measured in: the one that is chosen here, and float32."""
    best = choose_precision("auto", "/CPU:0", preset_of(DEFAULT))
    return ["float32"] if best == "float32" else [best, "float32"]
