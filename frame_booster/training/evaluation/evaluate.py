"""Comparing networks with the truth and with doing without a network."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from frame_booster.engine.interpolator import Interpolator, load_model
from frame_booster.errors import InputError
from frame_booster.network.weights import read_metadata
from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.data.triplets import Triplet
from frame_booster.training.evaluation import metrics

BUCKETS = ((0.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, float("inf")))
"""Mean motion between neighbours, px at the stored size."""

Method = Callable[[FrameArray, FrameArray], FrameArray]


@dataclass(frozen=True)
class Case:
    """Figures of one method on one triplet."""

    method: str
    triplet: str
    motion: float
    """px at the stored size."""
    psnr: float
    """dB."""
    ssim: float
    ie: float
    """Interpolation error: root of the mean square difference, code values (Baker et al., Middlebury, 2011)."""


@dataclass(frozen=True)
class Score:
    """Mean figures of one method over the triplets of one bucket."""

    method: str
    bucket: str
    triplets: int
    psnr: float
    """dB."""
    ssim: float
    ie: float


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
    return interpolator_of(weights, device, precision).interpolate


def interpolator_of(weights: Path, device: str = "auto", precision: str = "auto") -> Interpolator:
    """Loads a weights file with the network it says it is for.

    Raises:
      InputError, ModelError: it does not say, or cannot be read.
    """
    name = read_metadata(weights).get("network")
    if name is None:
        raise InputError("the weights do not say which network they are for", path=weights)
    return load_model(name, weights, device, precision)


Seen = Callable[[Triplet, dict[str, FrameArray]], None]
"""Told of each triplet and what every method made of it."""


def measure(triplets: Iterable[Triplet], methods: dict[str, Method], seen: Seen | None = None) -> list[Case]:
    """Measures methods on triplets.

    Args:
      triplets: with their truth.
      methods: by name.
      seen: called with every triplet and the frames made for it.

    Raises:
      InputError: there are no triplets.
    """
    cases = []
    for triplet in triplets:
        made = {name: method(triplet.frame0, triplet.frame1) for name, method in methods.items()}
        for name, frame in made.items():
            figures = (metrics.psnr(frame, triplet.truth), metrics.ssim(frame, triplet.truth))
            cases.append(Case(name, triplet.name, triplet.motion, *figures, metrics.ie(frame, triplet.truth)))
        if seen is not None:
            seen(triplet, made)
    if not cases:
        raise InputError("there are no triplets to evaluate on")
    return cases


def summarise(cases: list[Case]) -> list[Score]:
    """Returns for each method a score over all triplets (bucket "all") and one for each bucket that has any."""
    scores = []
    for method in dict.fromkeys(case.method for case in cases):
        mine = [case for case in cases if case.method == method]
        selections = [("all", mine)]
        for low, high in BUCKETS:
            label = f"> {low:g} px" if high == float("inf") else f"{low:g}-{high:g} px"
            selections.append((label, [case for case in mine if low <= case.motion < high]))
        for bucket, selected in selections:
            if selected:
                means = np.mean([(case.psnr, case.ssim, case.ie) for case in selected], axis=0)
                scores.append(Score(method, bucket, len(selected), *means.tolist()))
    return scores


def evaluate(triplets: Iterable[Triplet], methods: dict[str, Method]) -> list[Score]:
    """Scores methods on triplets, overall and by motion; see `measure` and `summarise`."""
    return summarise(measure(triplets, methods))


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


def as_csv(cases: list[Case]) -> str:
    """Formats all cases as CSV, a line a method and triplet."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(Case.__dataclass_fields__)
    writer.writerows([c.method, c.triplet, c.motion, f"{c.psnr:.4f}", f"{c.ssim:.5f}", f"{c.ie:.4f}"] for c in cases)
    return text.getvalue()
