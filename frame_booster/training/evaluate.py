"""Comparing networks with the truth and with doing without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from frame_booster.engine.interpolator import load_model
from frame_booster.errors import InputError
from frame_booster.network.weights import read_metadata
from frame_booster.training import metrics
from frame_booster.training.clips import FrameArray
from frame_booster.training.triplets import Triplet

BUCKETS = ((0.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, float("inf")))
"""Mean motion between neighbours, px at the stored size."""

Method = Callable[[FrameArray, FrameArray], FrameArray]


@dataclass(frozen=True)
class Score:
    """Mean figures of one method over the triplets of one bucket."""

    method: str
    bucket: str
    triplets: int
    psnr: float
    """dB."""
    ssim: float


def repetition(frame0: FrameArray, frame1: FrameArray) -> FrameArray:
    """Shows the first frame again."""
    return frame0


def blending(frame0: FrameArray, frame1: FrameArray) -> FrameArray:
    """Averages both frames."""
    return metrics.to_8_bit((frame0.astype(np.float32) + frame1) / 510.0)


def optical_flow(frame0: FrameArray, frame1: FrameArray) -> FrameArray:
    """Warps both frames half-way along OpenCV's DIS flow (medium), both ways, and averages them."""
    import cv2

    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    gray0, gray1 = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (frame0, frame1))
    height, width = gray0.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    total = np.zeros(frame0.shape, np.float32)
    for frame, flow in ((frame0, dis.calc(gray0, gray1, None)), (frame1, dis.calc(gray1, gray0, None))):
        moved = cv2.remap(
            frame, x - flow[..., 0] / 2, y - flow[..., 1] / 2, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        total += moved
    return metrics.to_8_bit(total / 510.0)


def network_method(weights: Path, device: str = "auto", precision: str = "auto") -> Method:
    """Returns the method of a weights file; the file says which network it is for."""
    name = read_metadata(weights).get("network")
    if name is None:
        raise InputError("the weights do not say which network they are for", path=weights)
    return load_model(name, weights, device, precision).interpolate


def evaluate(triplets: Iterable[Triplet], methods: dict[str, Method]) -> list[Score]:
    """Scores methods on triplets, overall and by motion.

    Args:
      triplets: with their truth.
      methods: by name.

    Returns:
      For each method a score over all triplets (bucket "all") and one for each bucket that has any.

    Raises:
      InputError: there are no triplets.
    """
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    motion = []
    for triplet in triplets:
        motion.append(triplet.motion)
        for name, method in methods.items():
            made = method(triplet.frame0, triplet.frame1)
            figures[name].append((metrics.psnr(made, triplet.truth), metrics.ssim(made, triplet.truth)))
    if not motion:
        raise InputError("there are no triplets to evaluate on")
    scores = []
    for name, values in figures.items():
        array, moved = np.asarray(values), np.asarray(motion)
        selections = [("all", np.ones(len(moved), bool))]
        for low, high in BUCKETS:
            label = f"> {low:g} px" if high == float("inf") else f"{low:g}-{high:g} px"
            selections.append((label, (moved >= low) & (moved < high)))
        for bucket, selected in selections:
            if selected.any():
                psnr, ssim = array[selected].mean(0)
                scores.append(Score(name, bucket, int(selected.sum()), float(psnr), float(ssim)))
    return scores


def table(scores: list[Score]) -> str:
    """Formats scores for a terminal, a line a method, a column a bucket."""
    buckets = list(dict.fromkeys(score.bucket for score in scores))
    counts = {score.bucket: score.triplets for score in scores}
    width = max(len(score.method) for score in scores)
    lines = [" " * width + "".join(f"{b + f' ({counts[b]})':>18}" for b in buckets)]
    for method in dict.fromkeys(score.method for score in scores):
        cells = {s.bucket: f"{s.psnr:.2f} / {s.ssim:.4f}" for s in scores if s.method == method}
        lines.append(f"{method:<{width}}" + "".join(f"{cells.get(b, ''):>18}" for b in buckets))
    return "\n".join(lines)


def as_json(scores: list[Score]) -> str:
    """Formats scores as a JSON list."""
    return json.dumps([score.__dict__ for score in scores], indent=1)
