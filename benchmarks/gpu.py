"""A GPU: frames beside float32 on the processor, frames a second, time to the first frame, memory (`quality`, ...)."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.networks import moving_frames
from benchmarks.parts import encode, frame_of
from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.device import tensorflow
from frame_booster.engine.device_memory import bytes_on_gpu
from frame_booster.engine.interpolator import Interpolator
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import Plan, make_plan
from frame_booster.engine.model import Model
from frame_booster.engine.nvidia import gpus
from frame_booster.network.presets import DEFAULT, PRESETS
from frame_booster.pixels import PixelLayout, Planes

TASKS = ("quality", "speed", "start", "memory", "limit")
LEAST_DB = 30.0
"""No frame of a GPU may be farther from the processor's."""
ROUNDS = 6
"""Batches for each that may be under way, in one measurement."""

Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", choices=TASKS, default="speed")
    parser.add_argument("--device", default="gpu")
    parser.add_argument("--models", default=DEFAULT)
    parser.add_argument("--precisions", default="auto")
    parser.add_argument("--sizes", default="448x256,1280x720,1920x1080,3840x2160")
    parser.add_argument("--batches", default="auto", help="pairs at once, as auto,1,4,16")
    parser.add_argument("--at-once", default="auto", help="batches under way, as auto,1,2,3")
    parser.add_argument("--graphs", default="auto", help="auto, whole (computations of XLA's) or loops")
    parser.add_argument("--triplets", type=Path, help="quality: folder with manifest.csv; default: scenes made here")
    parser.add_argument("--count", type=int, default=40, help="quality: of the triplets")
    parser.add_argument("--frames", type=int, default=247, help="start, limit: of the file that is made")
    parser.add_argument("--json", type=Path, help="write all rows to this file")
    parser.add_argument("--one", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> None:
    """Prints a table of one task, after the name of the card, and writes it as JSON."""
    names = ", ".join(card.name for card in gpus()) or "no NVIDIA GPU"
    print(f"# {options.task}: {names}, TensorFlow {tensorflow().__version__}", flush=True)
    rows = []
    for row in _TASKS[options.task](options):
        rows.append(row)
        print("  ".join(f"{key} {_shown(value)}" for key, value in row.items()), flush=True)
    if options.json is not None:
        facts = {"task": options.task, "card": names, "tensorflow": tensorflow().__version__, "rows": rows}
        options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _sides(size: str) -> tuple[int, int]:
    width, _, height = size.partition("x")
    return int(width), int(height)


def _numbers(text: str) -> list[int | None]:
    return [None if part == "auto" else int(part) for part in text.split(",")]


def _psnr(first: Any, second: Any) -> float:
    return float(10 * np.log10(255.0**2 / max(np.mean((first.astype(float) - second) ** 2), 1e-9)))


def _triplets(options: argparse.Namespace, size: tuple[int, int]) -> list[list[Any]]:
    """First frame, truth and second frame of each, (H, W, 3) uint8."""
    if options.triplets is None:
        return [[frame_of(3 * k + j, *size).to_ndarray(format="rgb24") for j in range(3)] for k in range(options.count)]
    from PIL import Image

    folders = sorted(path for path in options.triplets.iterdir() if path.is_dir())[: options.count]
    found = []
    for folder in folders:
        pictures = [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.png"))[:3]]
        found.append([_scaled(np.asarray(picture), size) for picture in pictures])
    return found


def _scaled(picture: Any, size: tuple[int, int]) -> Any:
    """Averages (H, W, 3) uint8 over areas, as OpenCV's INTER_AREA, which a machine with a card may lack."""
    (width, height), (rows, columns) = size, picture.shape[:2]
    if (columns, rows) == size:
        return picture
    made = np.einsum("hy,wx,yxc->hwc", _areas(rows, height), _areas(columns, width), picture, optimize=True)
    return np.clip(np.rint(made), 0, 255).astype(np.uint8)


def _areas(before: int, after: int) -> Any:
    """Returns the share that each of so many pixels has in each of fewer, (after, before)."""
    edges = np.arange(after + 1)[:, None] * (before / after)
    covered = np.clip(edges - np.arange(before)[None], 0.0, 1.0)
    return np.diff(covered, axis=0) * (after / before)


def quality(options: argparse.Namespace) -> Iterator[Row]:
    """Frames of the device beside the processor's in float32, and beside the truth."""
    for name in options.models.split(","):
        processor = Interpolator(Model(name, device="cpu", precision="float32"))
        devices = {
            p: Interpolator(Model(name, device=options.device, precision=p)) for p in options.precisions.split(",")
        }
        for size in options.sizes.split(","):
            triplets = _triplets(options, _sides(size))
            expected = [processor.interpolate(a, c) for a, _, c in triplets]
            truth = float(np.mean([_psnr(e, b) for e, (_, b, _) in zip(expected, triplets, strict=True)]))
            for network in devices.values():
                made = [network.interpolate(a, c) for a, _, c in triplets]
                near = [_psnr(m, e) for m, e in zip(made, expected, strict=True)]
                own = float(np.mean([_psnr(m, b) for m, (_, b, _) in zip(made, triplets, strict=True)]))
                yield {
                    "model": name,
                    "size": size,
                    "precision": network.model.precision,
                    "triplets": len(triplets),
                    "to the truth, dB": own,
                    "processor's, dB": truth,
                    "worst to the processor's, dB": min(near),
                    "passed": own >= truth - 0.02 and min(near) >= LEAST_DB,
                }


def _interpolator(
    model: Model, layout: PixelLayout, pairs: int | None, at_once: int | None
) -> tuple[BatchInterpolator, int, float]:
    """An interpolator whose computation of all pairs is compiled, batches under way, and the seconds that took."""
    began = time.perf_counter()
    under_way = model.frames_at_once() if at_once is None else at_once
    plan = make_plan(layout, model, batch_size=pairs, at_once=under_way)
    # Not few pairs first: the one computation that is measured.
    maker = BatchInterpolator(model, layout, plan, kept=_Ready())  # type: ignore[arg-type]
    maker.maker.warm_up()
    return maker, under_way, time.perf_counter() - began


class _Ready:
    """Stands for makers of earlier runs: all are said to be there, so that each is compiled as it is."""

    def has(self, layout: PixelLayout, plan: Plan) -> bool:
        return True

    def get(self, layout: PixelLayout, plan: Plan, make: Callable[[Plan], Any]) -> Any:
        return make(plan)


def speed(options: argparse.Namespace) -> Iterator[Row]:
    """Interpolated frames a second, from planes to planes, and the time of one pair alone."""
    for name in options.models.split(","):
        for precision in options.precisions.split(","):
            for graphs in options.graphs.split(","):
                model = Model(name, device=options.device, precision=precision)
                if graphs != "auto":
                    model.as_computations = graphs == "whole"
                for size in options.sizes.split(","):
                    layout = PixelLayout(*_sides(size), "yuv", 8, 1, 1, "bt709")
                    for pairs in _numbers(options.batches):
                        for at_once in _numbers(options.at_once):
                            row = {"model": name, "size": size, "precision": model.precision, "graphs": graphs}
                            try:
                                yield row | _speed(model, layout, pairs, at_once, options.repeat)
                            # One that fails must not cost the others their place in a short session.
                            except Exception as error:
                                text = f"{type(error).__name__}: {error}".splitlines()[0][:300]
                                yield row | {"batch": pairs, "at once": at_once, "failed": text}


def _speed(model: Model, layout: PixelLayout, pairs: int | None, at_once: int | None, repeat: int) -> Row:
    maker, under_way, ready = _interpolator(model, layout, pairs, at_once)
    size, rounds = maker.batch_size, ROUNDS * under_way
    # All rounds see the frames of one batch and one more: a batch has no memory of frames.
    frames: list[Planes] = moving_frames(layout, size + 2)
    requests = [Request(k, k + 1) for k in range(size)]

    def make(index: int) -> None:
        maker.make(frames[index % 2 : index % 2 + size + 1], requests)

    times = []
    with ThreadPoolExecutor(under_way) as pool:
        list(pool.map(make, range(under_way)))
        for _ in range(repeat):
            began = time.perf_counter()
            list(pool.map(make, range(rounds)))
            times.append((time.perf_counter() - began) / (rounds * size))
    alone = []
    for index in range(repeat + 1):
        began = time.perf_counter()
        make(index)
        alone.append(time.perf_counter() - began)
    return {
        "batch": size,
        "at once": under_way,
        "flow downscale": maker.plan.flow_downscale,
        "ready, s": ready,
        "frames/s": 1.0 / float(np.median(times)),
        "one batch alone, ms": 1e3 * float(np.median(alone[1:])),
    }


def _clip(folder: str, options: argparse.Namespace, size: str) -> Path:
    clip = Path(folder) / f"{size}.mp4"
    encode(clip, [frame_of(k, *_sides(size)) for k in range(options.frames)], "libx264", {"crf": "16"})
    return clip


def _boosted(clip: Path, output: Path, options: argparse.Namespace, cache: Path, more: list[str]) -> float:
    command = [sys.executable, "-m", "frame_booster", str(clip), "-o", str(output), "-y", "-q", *more]
    command += ["--engine", "tensorflow", "--device", options.device, "--model", options.models.split(",")[0]]
    began = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, "FRAME_BOOSTER_CACHE": str(cache)}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}\n{done.stderr}")
    return time.perf_counter() - began


def start(options: argparse.Namespace) -> Iterator[Row]:
    """Whole files by the command: without anything kept on disk, then with what the first run kept."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        for size in options.sizes.split(","):
            clip, output = _clip(folder, options, size), Path(folder) / "out.mp4"
            for what, more in (("cold", []), ("warm", []), ("warm", []), ("warm, --factor 8", ["--factor", "8"])):
                seconds = _boosted(clip, output, options, cache, more)
                made = (7 if more else 1) * (options.frames - 1)
                yield {"size": size, "start": what, "interpolated": made, "s": seconds, "frames/s": made / seconds}


def memory(options: argparse.Namespace) -> Iterator[Row]:
    """Bytes of the device for each pixel of a pair: the peak of two batches, and what a further pair adds."""
    experimental = tensorflow().config.experimental
    for name in options.models.split(","):
        for precision in options.precisions.split(","):
            model = Model(name, device=options.device, precision=precision)
            for size in options.sizes.split(","):
                width, height = _sides(size)
                layout = PixelLayout(width, height, "yuv", 8, 1, 1, "bt709")
                peaks: dict[int, int] = {}
                for pairs in [p for p in _numbers(options.batches) if p is not None] or [1, 2]:
                    maker, _, _ = _interpolator(model, layout, pairs, 1)
                    experimental.reset_memory_stats(_gpu_name(model.device))
                    before = experimental.get_memory_info(_gpu_name(model.device))["current"]
                    maker.make(moving_frames(layout, pairs + 1), [Request(k, k + 1) for k in range(pairs)])
                    peaks[pairs] = experimental.get_memory_info(_gpu_name(model.device))["peak"] - before
                    downscale = maker.plan.flow_downscale
                fewest, most = min(peaks), max(peaks)
                slope = (peaks[most] - peaks[fewest]) / max(most - fewest, 1)
                needs = bytes_on_gpu(PRESETS[name], model.precision)
                yield {
                    "model": name,
                    "precision": model.precision,
                    "size": size,
                    "flow downscale": downscale,
                    "peaks, MiB": {pairs: peak >> 20 for pairs, peak in peaks.items()},
                    "bytes a pixel and pair": slope / (width * height),
                    "planned": needs.frame + needs.flow / 4**downscale,
                }


def _gpu_name(device: str) -> str:
    return device.removeprefix("/")


def limit(options: argparse.Namespace) -> Iterator[Row]:
    """A file with `--max-device-memory 8G` beside one without: frames may differ by a code value."""
    import av

    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes.split(","):
            clip, made = _clip(folder, options, size), []
            for more in ([], ["--max-device-memory", "8G"]):
                output = Path(folder) / f"out{len(made)}.mkv"
                _boosted(clip, output, options, Path(folder) / "cache", ["--codec", "ffv1", *more])
                with av.open(str(output)) as container:
                    made.append([frame.to_ndarray().astype(np.int16) for frame in container.decode(video=0)])
            worst = max(int(np.abs(a - b).max()) for a, b in zip(*made, strict=True))
            yield {"size": size, "frames": len(made[0]), "worst difference, code values": worst, "passed": worst <= 1}


_TASKS = {"quality": quality, "speed": speed, "start": start, "memory": memory, "limit": limit}
