"""Both networks by size and precision, from planes to planes, beside the processor's own convolution peak."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np

from benchmarks.yardsticks import convolution_peak, median_s, precisions
from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.device import tensorflow
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import make_plan
from frame_booster.engine.model import Model
from frame_booster.pixels import PixelLayout, Planes

BATCHES = 4
"""Made one after the other: of the same frames again and again, features would be kept and not counted."""


def moving_frames(layout: PixelLayout, count: int) -> list[Planes]:
    """Noise that moves by 3 and 2 px a frame."""
    base = np.random.default_rng(1).integers(0, 256, (layout.height + 2 * count, layout.width + 3 * count))
    frames: list[Planes] = []
    for k in range(count):
        luma = base[2 * k : 2 * k + layout.height, 3 * k : 3 * k + layout.width].astype(np.uint8)
        frames.append((luma, *(np.ascontiguousarray(luma[::2, ::2]) for _ in range(2))))
    return frames


def frame_time(
    model: Model, width: int, height: int, repeat: int, flow_scale: Fraction | None = None, at_once: int = 1
) -> float:
    """Seconds for a made frame of a run, in which every frame is seen first in one batch and last in the next.

    Args:
      model: of which network.
      width, height: of the frames, px.
      repeat: runs, of which the median counts.
      flow_scale: None is the one of a real run.
      at_once: batches made at the same time.
    """
    layout = PixelLayout(width, height, "yuv", 8, 1, 1, "bt709")
    maker = BatchInterpolator(model, layout, make_plan(layout, model, flow_scale=flow_scale, at_once=at_once))
    pairs, batches = maker.batch_size, BATCHES * at_once
    frames = moving_frames(layout, batches * pairs + 1)
    requests = [Request(k, k + 1) for k in range(pairs)]

    def make(batch: int) -> None:
        maker.make(frames[batch * pairs : (batch + 1) * pairs + 1], requests)

    with ThreadPoolExecutor(at_once) as pool:
        return median_s(lambda: list(pool.map(make, range(batches))), repeat) / (batches * pairs)


def published_speedup(repeat: int) -> tuple[float, float]:
    """Seconds for a 256x144 frame of FBNet: as a plain float32 graph with an uncompiled warp, and as we run it."""
    tf = tensorflow()
    from frame_booster.network import flow
    from frame_booster.network.presets import create_network
    from frame_booster.network.warp import addons_warp, gather_warp

    frames = [tf.random.stateless_uniform([1, 144, 256, 3], [k, 1]) for k in range(2)]
    times = []
    compiled_warp = flow.dense_image_warp
    for warp, precision in ((addons_warp() or gather_warp, "float32"), (compiled_warp, precisions()[0])):
        flow.dense_image_warp = warp
        network = create_network("fbnet", precision)
        call = tf.function(lambda a, b, n=network: n(a, b).frame, autograph=False)
        times.append(median_s(lambda c=call: c(*frames).numpy(), repeat))
    flow.dense_image_warp = compiled_warp
    return times[0], times[1]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", default="256x144,448x256,640x360,1280x720,1920x1080")
    parser.add_argument("--models", default="fbnet-r,fbnet")
    parser.add_argument("--flow-scale", default="auto", help="auto, or 1 to search at full size everywhere")
    parser.add_argument("--at-once", type=int, default=1, help="batches made at the same time; a whole file has 2")
    parser.add_argument("--one", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> None:
    """Prints one line a network, precision and size."""
    if options.one:
        _one(options)
        return
    from frame_booster.training.evaluation.inspect import stage_costs

    peaks = {precision: convolution_peak(precision, options.repeat) for precision in precisions()}
    for precision, peak in peaks.items():
        print(f"convolution peak, {precision}: {2e-9 * peak:.0f} GFLOP/s")
    head = ("network", "size", "precision", "s/frame", "us/px", "of peak", "MiB")
    print(f"{head[0]:<10}{head[1]:>12}{head[2]:>12}{head[3]:>10}{head[4]:>9}{head[5]:>9}{head[6]:>8}")
    for name in options.models.split(","):
        costs = {cost.stage: cost.macs_per_pixel for cost in stage_costs(name)}
        for precision, peak in peaks.items():
            for size in options.sizes.split(","):
                width, height = map(int, size.split("x"))
                # A process of its own each: peak memory is a process's, and never falls.
                command = [sys.executable, "-m", "benchmarks", "networks", "--repeat", str(options.repeat)]
                command += ["--one", f"{name} {precision} {size} {options.flow_scale} {options.at_once}"]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                seconds, mebibytes, flow_downscale = done.stdout.split()
                small = 4.0 ** -int(flow_downscale)
                macs = sum(m * (1.0 if stage == "fusion" or name == "fbnet" else small) for stage, m in costs.items())
                pixels = width * height
                share = macs * pixels / float(seconds) / peak
                print(
                    f"{name:<10}{size:>12}{precision:>12}{float(seconds):>10.3f}"
                    f"{1e6 * float(seconds) / pixels:>9.3f}{share:>9.0%}{int(mebibytes):>8}",
                    flush=True,
                )

    if "fbnet" in options.models.split(","):
        plain, ours = published_speedup(options.repeat)
        print(f"fbnet, 256x144: {plain:.3f} s as a plain float32 graph, {ours:.3f} s as it runs: {plain / ours:.2f}")


def _one(options: argparse.Namespace) -> None:
    name, precision, size, scale, at_once = options.one.split()
    width, height = map(int, size.split("x"))
    model = Model(name, device="cpu", precision=precision)
    flow_scale = None if scale == "auto" or name == "fbnet" else Fraction(scale)
    seconds = frame_time(model, width, height, options.repeat, flow_scale, int(at_once))
    plan = make_plan(PixelLayout(width, height, "yuv", 8, 1, 1), model, flow_scale=flow_scale)
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, plan.flow_downscale)
