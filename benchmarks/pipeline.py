"""A whole file against `ffmpeg -vf minterpolate` with the same encoder, in turns."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.clips import encode, scene

ENCODER = {"codec": "libx264", "preset": "medium", "crf": "18"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clip", type=Path, help="default: 100 frames of 1280x720 that move, made here")
    parser.add_argument("--size", default="1280x720", help="of the clip that is made")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--model", default="fbnet-r")
    parser.add_argument("--option", action="append", default=[], help="more for frame-booster, as --option=--threads=2")


def timed(command: list[str]) -> tuple[float, int]:
    """Runs a command; returns its wall time, s, and its peak memory, KiB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed with exit code {process.returncode}: {' '.join(command)}")
    return time.perf_counter() - began, usage.ru_maxrss


def rate_of(clip: Path) -> str:
    """The frame rate of a clip as ffprobe gives it, "30000/1001"."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=r_frame_rate,nb_frames"]
    facts = json.loads(subprocess.run([*command, "-of", "json", str(clip)], capture_output=True, check=True).stdout)
    return str(facts["streams"][0]["r_frame_rate"])


def run(options: argparse.Namespace) -> None:
    """Prints medians and their ratio."""
    if shutil.which("ffmpeg") is None:
        raise SystemExit("ffmpeg is not installed")
    with tempfile.TemporaryDirectory() as folder:
        clip = options.clip or Path(folder) / "clip.mp4"
        if options.clip is None:
            width, height = map(int, options.size.split("x"))
            encode(clip, scene(options.frames, width, height), "libx264", {"crf": "16"})
        numerator, _, denominator = rate_of(clip).partition("/")
        doubled = f"{2 * int(numerator)}/{denominator or 1}"
        ours, theirs = Path(folder) / "ours.mp4", Path(folder) / "theirs.mp4"
        booster = [sys.executable, "-m", "frame_booster", str(clip), "-o", str(ours), "-y", "--quiet"]
        booster += ["--model", options.model, *options.option]
        booster += [f"--{key}={value}" for key, value in ENCODER.items()]
        ffmpeg = ["ffmpeg", "-y", "-v", "error", "-i", str(clip), "-vf", f"minterpolate=fps={doubled}:mi_mode=mci"]
        ffmpeg += ["-c:v", ENCODER["codec"], "-preset", ENCODER["preset"], "-crf", ENCODER["crf"], str(theirs)]
        times: dict[str, list[float]] = {"frame-booster": [], "minterpolate": []}
        memory: dict[str, int] = {}
        for _ in range(options.repeat):
            for name, command in (("frame-booster", booster), ("minterpolate", ffmpeg)):
                seconds, kib = timed(command)
                times[name].append(seconds)
                memory[name] = max(memory.get(name, 0), kib)
        for name, values in times.items():
            print(
                f"{name:<16}{statistics.median(values):>8.2f} s ({min(values):.2f} to {max(values):.2f}), "
                f"{memory[name] >> 10} MiB",
                flush=True,
            )
        ratio = statistics.median(times["minterpolate"]) / statistics.median(times["frame-booster"])
        print(f"minterpolate takes {ratio:.2f} times as long")
