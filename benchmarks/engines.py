"""Both engines in turns: from the start of a process to its first interpolated frame, and what each further one takes.

A variant is an engine, or a provider of ONNX Runtime, and a precision: `tensorflow:bfloat16`, `cpu:float32`,
`openvino:auto`, `cuda:float16`, `tensorrt:float16`. With a GPU, start cold (`--cold` gives each process an empty cache)
and warm.

Seconds of the processor, of all its cores, are told beside: they hardly change with what else is running.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.networks import moving_frames
from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.choice import load_network
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import make_plan
from frame_booster.pixels import PixelLayout

VARIANTS = "tensorflow:auto,cpu:auto,openvino:auto"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--variants", default=VARIANTS)
    parser.add_argument("--sizes", default="1280x720,448x256")
    parser.add_argument("--model", default="fbnet-2")
    parser.add_argument("--frames", type=int, default=24, help="after the first four, which are not counted")
    parser.add_argument("--cold", action="store_true", help="an empty cache of graphs for every process")


def run(options: argparse.Namespace) -> None:
    """Prints one line for each size and variant: medians, and the least and most."""
    for size in options.sizes.split(","):
        found: dict[str, list[dict[str, float]]] = {variant: [] for variant in options.variants.split(",")}
        # The first round fills caches.
        for turn in range(options.repeat + 1):
            for variant, facts in found.items():
                one = _measured(options, variant, size)
                if turn:
                    facts.append(one)
        for variant, facts in found.items():
            columns = [
                f"{name} {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"
                for name in facts[0]
                for values in [[fact[name] for fact in facts]]
            ]
            print(f"{size:>10} {variant:<22}{', '.join(columns)}", flush=True)


def _measured(options: argparse.Namespace, variant: str, size: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        # Not by `python -m benchmarks`, which imports TensorFlow for its other kinds.
        arguments = [variant, size, options.model, str(options.frames)]
        command = [sys.executable, "-m", "benchmarks.engines", *arguments]
        began = time.time()
        environment = {**os.environ, "BEGAN": repr(began)}
        if options.cold:
            environment["FRAME_BOOSTER_CACHE"] = folder
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise SystemExit(f"{variant} {size} failed: {done.stderr[-2000:]}")
        facts: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return facts


def _one(variant: str, size: str, model: str, count: int) -> None:
    name, _, precision = variant.partition(":")
    width, height = map(int, size.split("x"))
    layout = PixelLayout(width, height, "yuv", 8, 1, 1, "bt709")
    began = float(os.environ["BEGAN"])
    engine = {"engine": "tensorflow"} if name == "tensorflow" else {"engine": "onnx", "provider": name}
    network = load_network(model, precision=precision or "auto", **engine)
    interpolator = BatchInterpolator(network, layout, make_plan(layout, network, at_once=network.frames_at_once()))
    few = moving_frames(layout, 2)
    interpolator.make(few, [Request(0, 1)])
    first, first_worked = time.time() - began, time.process_time()
    pairs = interpolator.batch_size
    frames = moving_frames(layout, 9)

    def interpolate(calls: int) -> None:
        def one(call: int) -> None:
            begin = call * pairs % (9 - pairs)
            interpolator.make(frames[begin : begin + pairs + 1], [Request(k, k + 1) for k in range(pairs)])

        with ThreadPoolExecutor(interpolator.at_once) as pool:
            for done in [pool.submit(one, call) for call in range(calls)]:
                done.result()

    interpolate(4)
    calls = -(-count // pairs)
    before, worked = time.perf_counter(), time.process_time()
    interpolate(calls)
    facts = {
        "first frame s": first,
        "first frame processor s": first_worked,
        "frame s": (time.perf_counter() - before) / (calls * pairs),
        "frame processor s": (time.process_time() - worked) / (calls * pairs),
    }
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    _one(*sys.argv[1:4], int(sys.argv[4]))
