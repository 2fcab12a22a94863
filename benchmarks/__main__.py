"""Times both networks beside the processor's own convolution peak, all in one run.

    python -m benchmarks [--sizes 256x144,640x360,1280x720] [--repeat 5]

A figure says how long a made frame takes, from planes to planes, and what share of the peak its convolutions reach.
Quote ratios: single times differ between machines and moments.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from frame_booster.engine.batches import BatchInterpolator, Request
from frame_booster.engine.device import choose_precision, tensorflow
from frame_booster.engine.model import Model
from frame_booster.pixels import PixelLayout


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


def frame_time(model: Model, width: int, height: int, repeat: int) -> float:
    """Seconds for a made frame, batches as in a real run."""
    layout = PixelLayout(width, height, "yuv", 8, 1, 1, "bt709")
    maker = BatchInterpolator(model, layout)
    rng = np.random.default_rng(1)
    base = rng.integers(0, 256, (height + 64, width + 64)).astype(np.uint8)
    frames = []
    for k in range(maker.batch_size + 1):
        luma = base[2 * k : 2 * k + height, 3 * k : 3 * k + width]
        chroma = [np.ascontiguousarray(luma[::2, ::2]) for _ in range(2)]
        frames.append((np.ascontiguousarray(luma), *chroma))
    requests = [Request(k, k + 1) for k in range(maker.batch_size)]
    return median_s(lambda: maker.make(frames, requests), repeat) / maker.batch_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="256x144,640x360,1280x720")
    parser.add_argument("--models", default="fbnet-r,fbnet")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()

    from frame_booster.training.inspect import stage_costs

    best = choose_precision("auto", "/CPU:0")
    precisions = ["float32"] if best == "float32" else [best, "float32"]
    peaks = {precision: convolution_peak(precision, options.repeat) for precision in precisions}
    for precision, peak in peaks.items():
        print(f"convolution peak, {precision}: {2e-9 * peak:.0f} GFLOP/s")
    print(f"{'network':<10}{'size':>12}{'precision':>12}{'s/frame':>10}{'us/px':>8}{'of peak':>9}")
    for name in options.models.split(","):
        macs = sum(cost.macs_per_pixel for cost in stage_costs(name))
        for precision in precisions:
            model = Model(name, device="cpu", precision=precision)
            for size in options.sizes.split(","):
                width, height = map(int, size.split("x"))
                seconds = frame_time(model, width, height, options.repeat)
                pixels = width * height
                share = macs * pixels / seconds / peaks[precision]
                print(
                    f"{name:<10}{size:>12}{precision:>12}{seconds:>10.3f}{1e6 * seconds / pixels:>8.3f}{share:>9.0%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
