"""A GPU: frames beside float32 on the processor, frames a second, time to the first frame, memory (`quality`, ...).

XLA is told what a run tells it (`keep_compilations`). That must be before TensorFlow is imported, which is why nothing
imported here brings it along.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import encode, frame_of, scene
from benchmarks.networks import moving_frames
from frame_booster.engine.batch_interpolator import SHORT_RUN, BatchInterpolator, KeptMakers
from frame_booster.engine.device import frames_at_once, tensorflow
from frame_booster.engine.device_memory import bytes_on_gpu
from frame_booster.engine.expected import expected_network
from frame_booster.engine.interpolator import Interpolator
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import Plan, make_plan
from frame_booster.engine.model import Model
from frame_booster.engine.nvidia import gpus
from frame_booster.engine.xla_cache import keep_compilations
from frame_booster.network.presets import DEFAULT, PRESETS
from frame_booster.option_values import parse_bytes
from frame_booster.pixels import PixelLayout, Planes

TASKS = ("quality", "speed", "start", "memory", "limit")
LEAST_DB = 30.0
"""No frame of a GPU may be farther from the processor's."""
ROUNDS = 6
"""Batches for each that may be under way, in one measurement."""
SHORT_FILE = 247
"""Frames of a file whose run compiles a few pairs at once and no more."""
LONG_FILE = SHORT_RUN + 2
"""Frames of a file whose run has as many pairs at once as are planned."""

Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", choices=TASKS, default="speed")
    parser.add_argument("--device", default="gpu")
    parser.add_argument("--models", default=DEFAULT)
    parser.add_argument("--precisions", default="auto")
    parser.add_argument("--sizes", default="448x256,1280x720,1920x1080,3840x2160")
    parser.add_argument("--batches", default="auto", help="pairs at once, as auto,1,4,16; memory: from 2 on")
    parser.add_argument("--at-once", default="auto", help="batches under way, as auto,1,2,3")
    parser.add_argument("--graphs", default="auto", help="auto, whole (computations of XLA's) or loops")
    parser.add_argument("--triplets", type=Path, help="quality: folder with manifest.csv; default: scenes made here")
    parser.add_argument("--count", type=int, default=40, help="quality: of the triplets")
    parser.add_argument(
        "--frames", type=int, help=f"start, limit: of the file that is made; default: {SHORT_FILE}, {LONG_FILE}"
    )
    parser.add_argument("--limits", default="8G,1200M", help="limit: amounts of memory; one should be under the plan")
    parser.add_argument("--json", type=Path, help="write all rows to this file")


def run(options: argparse.Namespace) -> None:
    """Prints a table of one task, after the name of the card, and writes it as JSON."""
    # What a run has, but for what is kept on disk: `speed` tells how long it takes to compile all.
    keep_compilations(wanted=False)
    names = ", ".join(card.name for card in gpus()) or "no NVIDIA GPU"
    release = importlib.metadata.version("tensorflow")
    print(f"# {options.task}: {names}, TensorFlow {release}", flush=True)
    rows = []
    for row in _TASKS[options.task](options):
        rows.append(row)
        print("  ".join(f"{key} {_shown(value)}" for key, value in row.items()), flush=True)
    if options.json is not None:
        facts = {"task": options.task, "card": names, "tensorflow": release, "rows": rows}
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
    """An interpolator that has made a first batch, batches under way, and the seconds that compiling and that took."""
    under_way = model.frames_at_once() if at_once is None else at_once
    plan = make_plan(layout, model, batch_size=pairs, at_once=under_way)
    first, requests = moving_frames(layout, plan.batch_size + 1), _requests(plan.batch_size)
    began = time.perf_counter()
    # Not few pairs first: the one computation that is measured.
    maker = BatchInterpolator(model, layout, plan, kept=_Ready())
    maker.maker.warm_up()
    # What takes one pair at a time is compiled by its first.
    maker.make(first, requests)
    return maker, under_way, time.perf_counter() - began


def _requests(pairs: int) -> list[Request]:
    return [Request(k, k + 1) for k in range(pairs)]


class _Ready(KeptMakers):
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
    # A batch has no memory of frames. What takes one pair at a time keeps encodings of the last few: a round is longer
    # than they are, and so begins with frames that it must encode.
    steps = 2 if size > 1 else rounds
    frames: list[Planes] = moving_frames(layout, size + steps)
    requests = _requests(size)

    def make(index: int) -> None:
        maker.make(frames[index % steps : index % steps + size + 1], requests)

    times = []
    with ThreadPoolExecutor(under_way) as pool:
        for _ in range(repeat + 1):
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
        "frames/s": 1.0 / float(np.median(times[1:])),
        "one batch alone, ms": 1e3 * float(np.median(alone[1:])),
    }


def _clip(folder: str, size: str, frames: int) -> Path:
    clip = Path(folder) / f"{size}.mp4"
    encode(clip, scene(frames, *_sides(size)), "libx264", {"crf": "16"})
    return clip


def _boosted(clip: Path, output: Path, options: argparse.Namespace, cache: Path, more: list[str]) -> float:
    """Seconds that the command takes for a file; raises RuntimeError where it fails."""
    command = [sys.executable, "-m", "frame_booster", str(clip), "-o", str(output), "-y", "-q", *more]
    command += ["--engine", "tensorflow", "--device", options.device, "--model", options.models.split(",")[0]]
    began = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, "FRAME_BOOSTER_CACHE": str(cache)}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - began


MANY = ["--factor", "8"]
STARTS = (
    ("cold", []),
    ("warm", []),
    ("warm", []),
    ("cold, --factor 8", MANY),
    ("warm, --factor 8", MANY),
)
"""Runs of one file: those that make seven times the frames compile other computations, in a folder of their own."""


def start(options: argparse.Namespace) -> Iterator[Row]:
    """Whole files by the command: without anything kept on disk, then with what the run before kept."""
    frames = options.frames or SHORT_FILE
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes.split(","):
            clip, output = _clip(folder, size, frames), Path(folder) / "out.mp4"
            for what, more in STARTS:
                cache = Path(folder) / "-".join(["cache", size, *more])
                seconds = _boosted(clip, output, options, cache, more)
                made = (7 if more else 1) * (frames - 1)
                yield {"size": size, "start": what, "interpolated": made, "s": seconds, "frames/s": made / seconds}


def memory(options: argparse.Namespace) -> Iterator[Row]:
    """Bytes of the device for each pixel of a pair: the peaks of batches, and what a further pair adds.

    From two pairs on, since one is made by another program, that keeps encodings of frames. What cuDNN's trials take
    while it is compiled is told beside.
    """
    batches = [p for p in _numbers(options.batches) if p is not None] or [2, 4]
    if min(batches) < 2 or len(set(batches)) < 2:
        raise SystemExit("memory: --batches wants two numbers of pairs or more, from 2 on")
    for name in options.models.split(","):
        for precision in options.precisions.split(","):
            model = Model(name, device=options.device, precision=precision)
            for size in options.sizes.split(","):
                width, height = _sides(size)
                layout = PixelLayout(width, height, "yuv", 8, 1, 1, "bt709")
                peaks, compiling = {}, {}
                for pairs in batches:
                    with _peak(model.device) as peak:
                        maker, _, _ = _interpolator(model, layout, pairs, 1)
                    compiling[pairs] = peak.bytes
                    with _peak(model.device) as peak:
                        maker.make(moving_frames(layout, pairs + 1), _requests(pairs))
                    peaks[pairs] = peak.bytes
                    downscale = maker.plan.flow_downscale
                fewest, most = min(peaks), max(peaks)
                slope = (peaks[most] - peaks[fewest]) / (most - fewest)
                needs = bytes_on_gpu(PRESETS[name], model.precision)
                yield {
                    "model": name,
                    "precision": model.precision,
                    "size": size,
                    "flow downscale": downscale,
                    "peaks, MiB": {pairs: peak >> 20 for pairs, peak in peaks.items()},
                    "compiling, MiB": {pairs: peak >> 20 for pairs, peak in compiling.items()},
                    "bytes a pixel and pair": slope / (width * height),
                    "planned": needs.frame + needs.flow / 4**downscale,
                }


class _Peak:
    """What a device had at most at once, beyond what it had before."""

    bytes = 0


@contextmanager
def _peak(device: str) -> Iterator[_Peak]:
    """Measures it of what is done within."""
    experimental, name, found = tensorflow().config.experimental, device.removeprefix("/"), _Peak()
    experimental.reset_memory_stats(name)
    before = experimental.get_memory_info(name)["current"]
    yield found
    found.bytes = experimental.get_memory_info(name)["peak"] - before


def limit(options: argparse.Namespace) -> Iterator[Row]:
    """A file with `--max-device-memory` beside one without: what is planned, and how far frames are apart.

    A batch of another size may take other kernels of cuDNN, which in 16 bits can be more than a code value: told, not
    judged.
    """
    frames = options.frames or LONG_FILE
    if frames - 1 < SHORT_RUN:
        raise SystemExit(f"limit: --frames wants {SHORT_RUN + 1} or more: of fewer, few pairs are made at once anyway")
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes.split(","):
            clip, cache, usual = _clip(folder, size, frames), Path(folder) / f"cache-{size}", Path(folder) / "usual.mkv"
            for amount in (None, *options.limits.split(",")):
                row = {"size": size, "limit": amount or "none", "plan": _told(_planned(options, size, amount))}
                output = usual if amount is None else Path(folder) / "limited.mkv"
                more = [] if amount is None else ["--max-device-memory", amount]
                try:
                    row["s"] = _boosted(clip, output, options, cache, ["--codec", "ffv1", *more])
                    yield row if amount is None else row | _apart(usual, output)
                except (RuntimeError, OSError, ValueError) as error:
                    yield row | {"failed": str(error)}


def _planned(options: argparse.Namespace, size: str, amount: str | None) -> Plan:
    """What a run plans with so much memory."""
    name, room = options.models.split(",")[0], None if amount is None else parse_bytes(amount)
    network = expected_network("tensorflow", name, options.device, "auto", "auto", room)
    layout = PixelLayout(*_sides(size), "yuv", 8, 1, 1, "bt709")
    return make_plan(layout, network, at_once=frames_at_once(network.device))


def _told(plan: Plan) -> str:
    pairs = f"{plan.batch_size} at once, {plan.at_once} under way, flow at 1/{1 << plan.flow_downscale}"
    return f"{pairs}, {plan.strips} strips" if plan.strips > 1 else pairs


def _apart(first: Path, second: Path) -> Row:
    """How far the interpolated frames of two files are apart; frame by frame: memory does not hold two of 4K."""
    import av

    count = worst = beyond = values = 0
    with av.open(str(first)) as one, av.open(str(second)) as other:
        for frame, like in zip(one.decode(video=0), other.decode(video=0), strict=True):
            count += 1
            if count % 2:
                continue
            apart = np.abs(frame.to_ndarray().astype(np.int16) - like.to_ndarray())
            worst = max(worst, int(apart.max()))
            beyond, values = beyond + int((apart > 1).sum()), values + apart.size
    return {"frames": count, "worst difference, code values": worst, "share beyond 1": beyond / max(values, 1)}


_TASKS = {"quality": quality, "speed": speed, "start": start, "memory": memory, "limit": limit}
