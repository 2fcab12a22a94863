"""Every flag reaches the options of the run: one that is typed and lost changes nothing, and nobody is told."""

from __future__ import annotations

import json
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from frame_booster.cli.boost import boost
from frame_booster.cli.flags import cluster_options, folder_options, run_options
from frame_booster.errors import InputError
from frame_booster.options import BoostOptions, EncoderOptions, InputOptions
from frame_booster.pipeline.cluster.options import ClusterOptions
from frame_booster.pipeline.folder import FolderOptions
from frame_booster.timecode import Timecode

RUN: list[tuple[str, str, object]] = [
    ("--model fbnet", "model", "fbnet"),
    ("--weights own.safetensors", "weights", "own.safetensors"),
    ("--device gpu:0 --device gpu:1", "device", "gpu:0,gpu:1"),
    ("--precision bfloat16", "precision", "bfloat16"),
    ("--engine onnx", "engine", "onnx"),
    ("--provider openvino", "provider", "openvino"),
    ("--batch-size 3", "batch_size", 3),
    ("--flow-scale 0.5", "flow_scale", Fraction(1, 2)),
    ("--max-memory 6G", "max_memory", 6 << 30),
    ("--max-device-memory 2G", "max_device_memory", 2 << 30),
    ("--no-cache", "cache", False),
    ("--threads 3", "threads", 3),
    ("--factor 4", "factor", 4),
    ("--fps 60", "fps", 60),
    ("--slow-motion 3", "slow_motion", 3),
    ("--slow-motion 3 --slow-audio stretch", "slow_audio", "stretch"),
    ("--audio encode", "audio", "encode"),
    ("--audio-codec libopus", "audio_codec", "libopus"),
    ("--audio-bitrate 96k", "audio_bitrate", 96_000),
    ("--dedupe", "dedupe", True),
    ("--scene-threshold 0.3", "scene_threshold", 0.3),
    ("--max-gap 2", "max_gap", 2),
    ("--start 1", "start", 1),
    ("--to 00:00:01:02", "end", Timecode(0, 0, 1, 2)),
    ("--duration 3", "duration", 3),
    ("--loop", "loop", True),
    ("--shutter 180", "shutter", 180),
    ("--shutter-samples 16", "shutter_samples", 16),
    ("--mask hud.png", "mask", "hud.png"),
    ("--output-format nut", "output_format", "nut"),
    ("--allow-drop", "allow_drop", True),
    ("--overwrite", "overwrite", True),
    ("--keep-partial", "keep_partial", True),
    ("--allow-truncated", "allow_truncated", True),
    ("--resume", "resume", True),
    ("--segment 30", "segment", 30),
    ("--codec libx265", "encoder.codec", "libx265"),
    ("--crf 16", "encoder.crf", 16),
    ("--preset slow", "encoder.preset", "slow"),
    ("--pix-fmt yuv444p", "encoder.pix_fmt", "yuv444p"),
    ("--encoder-option tune=film --encoder-option g=a=b", "encoder.options", (("tune", "film"), ("g", "a=b"))),
    ("--container-option movflags=+faststart", "encoder.container_options", (("movflags", "+faststart"),)),
    ("--input-format rawvideo", "source.format", "rawvideo"),
    ("--size 64x48", "source.size", "64x48"),
    ("--input-pix-fmt gray", "source.pix_fmt", "gray"),
    ("--rate 24000/1001", "source.rate", Fraction(24000, 1001)),
    ("--video-stream 1", "source.video_stream", 1),
    ("--hwaccel auto", "source.hwaccel", "auto"),
    ("--deinterlace off", "source.deinterlace", "off"),
    ("--deinterlace", "source.deinterlace", "on"),
    ("--ivtc", "source.ivtc", True),
    ("--strict", "source.strict", True),
]
"""What is typed, and which option has which value then."""
CLUSTER: list[tuple[str, str, object]] = [
    ("", "address", "auto"),
    ("--cluster-cpus 4", "cpus", 4),
    ("--cluster-workers 8", "workers", 8),
    ("--cluster-scratch shared", "scratch", Path("shared")),
]
FOLDER: list[tuple[str, str, object]] = [
    ("--pattern *.mov", "pattern", "*.mov"),
    ("--suffix .webm", "suffix", ".webm"),
    ("--suffix webm", "suffix", ".webm"),
    ("--skip-existing", "skip_existing", True),
    ("--jobs 3", "jobs", 3),
    ("--device gpu:0 --device gpu:1", "devices", ("gpu:0", "gpu:1")),
    ("--watch", "watch", True),
]


def values_of(typed: str) -> dict[str, Any]:
    return boost.make_context("boost", ["in.mp4", *typed.split()]).params


def value_at(options: object, place: str) -> object:
    for name in place.split("."):
        options = getattr(options, name)
    return options


@pytest.mark.parametrize(("typed", "place", "value"), RUN)
def test_every_flag_of_a_run_is_handed_on(typed: str, place: str, value: object) -> None:
    options = run_options(values_of(typed))
    assert value_at(options, place) == value
    assert value_at(BoostOptions(), place) != value, "a value that shows whether it has come"


def test_every_option_of_a_run_is_tried() -> None:
    of_groups = {
        *(f"encoder.{one.name}" for one in fields(EncoderOptions)),
        # Threads are those of the run, which gives them to its input.
        *(f"source.{one.name}" for one in fields(InputOptions) if one.name != "threads"),
    }
    of_run = {one.name for one in fields(BoostOptions)} - {"encoder", "source"}
    assert {place for _, place, _ in RUN} == of_run | of_groups


@pytest.mark.parametrize(("typed", "place", "value"), CLUSTER)
def test_every_flag_of_a_cluster_is_handed_on(typed: str, place: str, value: object) -> None:
    found = cluster_options(values_of(f"--cluster auto {typed}"))
    assert value_at(found, place) == value
    if typed:
        assert value_at(ClusterOptions("auto"), place) != value
        with pytest.raises(InputError, match=f"^{typed.split()[0]} needs --cluster$"):
            cluster_options(values_of(typed))


@pytest.mark.parametrize(("typed", "place", "value"), FOLDER)
def test_every_flag_of_a_folder_is_handed_on(typed: str, place: str, value: object) -> None:
    assert value_at(folder_options(values_of(typed)), place) == value
    assert value_at(FolderOptions(), place) != value


def test_reports_tell_a_folder_s_run_what_is_done(tmp_path: Path) -> None:
    """That of the run that is retried, and that which this run goes on writing; of no use where all is made anew."""
    lines = {}
    for name in ("earlier", "report"):
        lines[name] = tmp_path / f"{name}.jsonl"
        facts = {"input": f"{name}.mp4", "output": str(tmp_path / name), "outcome": "done", "bytes": 5}
        lines[name].write_text(json.dumps(facts) + "\n")
    values = values_of(f"--retry-failed {lines['earlier']}")
    found = folder_options(values, lines["report"])
    assert (found.done, found.retried) == (frozenset({str(Path("earlier.mp4").absolute())}), lines["earlier"])
    assert found.whole == {}
    skipping = folder_options({**values, "skip_existing": True}, lines["report"])
    assert skipping.whole == {str(tmp_path / "earlier"): 5, str(tmp_path / "report"): 5}
