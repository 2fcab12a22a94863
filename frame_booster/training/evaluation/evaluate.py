"""Comparing methods with the truth: figures of each on every triplet, and their means."""

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
"""Mean motion between neighbours, px at the stored size."""


@dataclass(frozen=True)
class Case:
    """Figures of one method on one triplet."""

    set: str
    """Name of the set that the triplet is of."""
    method: str
    triplet: str
    motion: float
    """px at the stored size."""
    psnr: float
    """dB."""
    ssim: float
    ie: float
    """Interpolation error: root of the mean square difference, code values (Baker et al., Middlebury, 2011)."""
    st_lpips: float | None
    """ST-LPIPS on AlexNet times 1000 (Ghildyal & Liu, ECCV 2022); None where it was not measured."""


@dataclass(frozen=True)
class Score:
    """Mean figures of one method over the triplets of one bucket of a set."""

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
"""Told of each triplet, what every method made of it, and the figures of that."""


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
      triplets: with their truth.
      methods: by name.
      seen: called with every triplet, the frames made for it, and their cases.
      name: of the set.
      perceptual: also measures ST-LPIPS, on 8-bit frames as everything else.

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
    """Returns for each set and method a score over all triplets (bucket "all") and one for each bucket that has any."""
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
