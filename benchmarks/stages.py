"""A whole file against its parts: the network alone, and all but the network."""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from unittest import mock

import av

from benchmarks.clips import encode, scene
from benchmarks.pipeline import ENCODER
from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.device import frames_at_once
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import make_plan
from frame_booster.engine.model import Model
from frame_booster.media.frames.planes import layout_of, planes_of
from frame_booster.options import BoostOptions, EncoderOptions
from frame_booster.pipeline import job
from frame_booster.pipeline.boost import run as boost
from frame_booster.pipeline.workers import Workers
from frame_booster.pixels import Planes


class Replay:
    """Stands in for the network and costs nothing: gives what it made before."""

    batch_size = at_once = 1

    def __init__(self, made: Iterator[Planes]) -> None:
        self._made = made

    def make(self, frames: Sequence[Planes], requests: list[Request]) -> list[Planes]:
        return [next(self._made) for _ in requests]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clip", type=Path, help="default: 60 frames of 1280x720 that move, made here")
    parser.add_argument("--frames", type=int, default=60, help="of the clip that is used")
    parser.add_argument("--model", default="fbnet-r")


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Returns the seconds an action takes, of the clock and of all cores together."""
    began, used = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - began, time.process_time() - used


def run(options: argparse.Namespace) -> None:
    """Prints medians of each, start-up not counted: the model is loaded and compiled before."""
    with tempfile.TemporaryDirectory() as folder:
        clip, output = Path(folder) / "clip.mp4", Path(folder) / "out.mp4"
        if options.clip is None:
            encode(clip, scene(options.frames, 1280, 720), "libx264", {"crf": "16"})
        else:
            clip = options.clip
        model = Model(options.model, device="cpu")
        with av.open(str(clip)) as container:
            rate = Fraction(container.streams.video[0].average_rate)
            read = [frame for _, frame in zip(range(options.frames), container.decode(video=0), strict=False)]
        layout = layout_of(read[0])
        frames = [planes_of(frame, layout) for frame in read]
        maker = BatchInterpolator(model, layout, make_plan(layout, model, at_once=frames_at_once(model.device)))
        made: list[Planes] = []

        def network() -> None:
            workers: Workers[list[Planes]] = Workers(maker.at_once)
            size = maker.batch_size
            runs = [frames[k : k + size + 1] for k in range(0, len(frames) - 1, size)]
            requests = [[Request(k, k + 1) for k in range(len(part) - 1)] for part in runs]
            futures = [workers.start(partial(maker.make, *call)) for call in zip(runs, requests, strict=True)]
            made[:] = [one for future in futures for one in future.result()]
            workers.close()

        encoder = EncoderOptions(codec=ENCODER["codec"], preset=ENCODER["preset"], crf=float(ENCODER["crf"]))
        settings = BoostOptions(model=options.model, device="cpu", encoder=encoder, overwrite=True, scene_threshold=0)
        # The network is timed on the first frames of the clip, so the whole is to end with them, too.
        settings = replace(settings, duration=len(frames) / rate)

        def with_maker(one: Callable[..., object]) -> None:
            with mock.patch.object(job, "BatchInterpolator", one):
                boost(str(clip), str(output), settings, model=model)

        network()
        kinds = {
            "network alone": network,
            "all but the network": lambda: with_maker(lambda *_: Replay(itertools.cycle(made))),
            "whole file": lambda: with_maker(lambda *_: maker),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
        for _ in range(options.repeat):
            for name, action in kinds.items():
                times[name].append(timed(action))
        medians = {name: [statistics.median(x) for x in zip(*values, strict=True)] for name, values in times.items()}
        for name, (seconds, used) in medians.items():
            print(f"{name:<22}{seconds:>8.2f} s{used / seconds:>8.2f} cores busy", flush=True)
        whole_s, slowest = medians["whole file"][0], max(medians[k][0] for k in list(kinds)[:2])
        parts = sum(medians[k][1] for k in list(kinds)[:2])
        cores = os.cpu_count() or 1
        print(
            f"whole file: {whole_s / slowest:.2f} times its slowest part, {whole_s * cores / parts:.2f} times ", end=""
        )
        print(f"what the parts take of {cores} cores; not network: {1 - medians['network alone'][1] / parts:.0%}")
