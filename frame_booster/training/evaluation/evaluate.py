"""Compares methods with the true frames: figures for each triplet, and their means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from frame_booster.errors import InputError
from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.data.triplets import Triplet
from frame_booster.training.evaluation import metrics
from frame_booster.training.evaluation.methods import Method
from frame_booster.training.perceptual.st_lpips import StLpips

BUCKETS = ((0.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, float("inf")))
"""Ranges of the mean motion between neighbouring frames, px at the stored size."""


@dataclass(frozen=True)
class Case:
    """Figures of one method on one triplet."""

    set: str
    """Name of the set of the triplet."""
    method: str
    triplet: str
    motion: float
    """Mean motion between neighbouring frames, px at the stored size."""
    psnr: float
    """dB."""
    ssim: float
    ie: float
    """Interpolation error: root mean square difference, code values (Baker et al., Middlebury, 2011)."""
    st_lpips: float | None
    """ST-LPIPS on AlexNet, times 1000 (Ghildyal & Liu, ECCV 2022); None if it was not measured."""


@dataclass(frozen=True)
class Score:
    """Mean figures of one method over the triplets of a set in one bucket of motion."""

    set: str
    method: str
    bucket: str
    triplets: int
    psnr: float
    """dB."""
    ssim: float
    ie: float
    st_lpips: float | None


Seen = Callable[[Triplet, dict[str, FrameArray], list[Case]], None]
"""Function that is called with each triplet, the frames of all methods by name, and their figures."""


def measure(
    triplets: Iterable[Triplet],
    methods: dict[str, Method],
    seen: Seen | None = None,
    *,
    name: str = "",
    perceptual: StLpips | None = None,
) -> list[Case]:
    """Measures methods on triplets.

    Args:
      triplets: triplets with their true frames.
      methods: methods by name.
      seen: called with each triplet, its interpolated frames, and their figures.
      name: name of the set.
      perceptual: measures ST-LPIPS too, on 8-bit frames like the other figures.

    Raises:
      InputError: there are no triplets, or their frames are too small for ST-LPIPS.
    """
    cases = []
    for triplet in triplets:
        made = {label: method(triplet.frame0, triplet.frame1) for label, method in methods.items()}
        distances: list[float | None] = [None] * len(made)
        if perceptual is not None:
            shown = [np.stack(frames).astype(np.float32) / 255 for frames in (list(made.values()), [triplet.truth])]
            distances = [1000.0 * float(distance) for distance in perceptual(*shown)]
        found = [
            Case(
                name,
                method,
                triplet.name,
                triplet.motion,
                metrics.psnr(frame, triplet.truth),
                metrics.ssim(frame, triplet.truth),
                metrics.ie(frame, triplet.truth),
                distance,
            )
            for (method, frame), distance in zip(made.items(), distances, strict=True)
        ]
        cases += found
        if seen is not None:
            seen(triplet, made, found)
    if not cases:
        raise InputError("there are no triplets to evaluate on")
    return cases


def summarise(cases: list[Case]) -> list[Score]:
    """Returns, for each set and method, a score over all triplets (bucket "all") and one for each bucket with
    triplets."""
    scores = []
    for of_set, method in dict.fromkeys((case.set, case.method) for case in cases):
        mine = [case for case in cases if (case.set, case.method) == (of_set, method)]
        selections = [("all", mine)]
        for low, high in BUCKETS:
            label = f"> {low:g} px" if high == float("inf") else f"{low:g}-{high:g} px"
            selections.append((label, [case for case in mine if low <= case.motion < high]))
        for bucket, selected in selections:
            if selected:
                figures = [(case.psnr, case.ssim, case.ie) for case in selected]
                psnr, ssim, ie = np.mean(figures, axis=0).tolist()
                distances = [case.st_lpips for case in selected if case.st_lpips is not None]
                distance = float(np.mean(distances)) if distances else None
                scores.append(Score(of_set, method, bucket, len(selected), psnr, ssim, ie, distance))
    return scores


def evaluate(triplets: Iterable[Triplet], methods: dict[str, Method]) -> list[Score]:
    """Scores methods on triplets, overall and by motion; see `measure` and `summarise`."""
    return summarise(measure(triplets, methods))
