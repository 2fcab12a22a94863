"""From the start of a process to its first made frame, beside one that only imports TensorFlow."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from benchmarks.networks import moving_frames
from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import make_plan
from frame_booster.engine.model import Model
from frame_booster.pixels import PixelLayout


def first_line_s(arguments: list[str], repeat: int) -> float:
    """Median seconds from starting Python to the first line it prints, after a run that fills the system's cache."""
    times = []
    for _ in range(repeat + 1):
        began = time.perf_counter()
        command = [sys.executable, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            times.append(time.perf_counter() - began)
        if process.returncode or not line:
            raise SystemExit(f"failed: {' '.join(command)}")
    return statistics.median(times[1:])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", default="1280x720")
    parser.add_argument("--models", default="fbnet-r,fbnet")
    parser.add_argument("--one", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> None:
    """Prints one line a network and size."""
    if options.one:
        _one(options)
        return
    imported = first_line_s(["-c", "import tensorflow; print(1, flush=True)"], options.repeat)
    print(f"importing tensorflow: {imported:.2f} s")
    for name in options.models.split(","):
        for size in options.sizes.split(","):
            arguments = ["-m", "benchmarks", "start", "--one", f"{name} {size}"]
            seconds = first_line_s(arguments, options.repeat)
            print(
                f"{name:<10}{size:>12}{seconds:>8.2f} s to the first frame, {seconds / imported:.2f} times", flush=True
            )


def _one(options: argparse.Namespace) -> None:
    name, size = options.one.split()
    width, height = map(int, size.split("x"))
    layout = PixelLayout(width, height, "yuv", 8, 1, 1, "bt709")
    frames = moving_frames(layout, 2)
    model = Model(name, device="cpu")
    BatchInterpolator(model, layout, make_plan(layout, model)).make(frames, [Request(0, 1)])
    print("made", flush=True)
