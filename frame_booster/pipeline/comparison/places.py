"""Finds ten short parts of a video that are most informative for a preview, by decoding only samples of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from frame_booster.media.frames.display import Display, display_size
from frame_booster.media.frames.planes import layout_of, planes_of
from frame_booster.media.frames.similarity import similarity, thumbnail
from frame_booster.media.input.open import open_source
from frame_booster.media.input.sampling import Sample, samples
from frame_booster.media.input.source import SourceFrame
from frame_booster.options import InputOptions
from frame_booster.pipeline.comparison.facts import clock

PLACES = 10
SAMPLES = 100
"""Number of samples of the video."""
_BOX = (320, 180)
_BLOCK = 20
_CUT_BELOW = 0.3
"""Similarity of two key frames below which a cut is searched for between them."""
_CUTS = 2
"""Number of parts around cuts."""
_FAR_S = Fraction(12)
"""Longest section that is decoded in search of a cut, in s."""
_BLACK, _FLAT = 24.0, 2.0
"""Mean luma below which an image counts as black, and standard deviation below which it counts as empty, in code
values."""
_SHIFTS = range(4, 48)
"""Periods of a repeated pattern, in px of the downscaled frame."""


@dataclass(frozen=True)
class Place:
    """A part of a video, of about a second."""

    start: Fraction
    """Start in s, as for `open_source`."""
    length: Fraction
    """Length in s."""
    reason: str
    """Why the part was chosen, for the page."""


@dataclass(frozen=True)
class _Look:
    """Measurements of a sample."""

    time: Fraction
    motion: float
    """Mean difference of both frames in the tenth of the blocks where it is largest, in code values."""
    light: float
    """Mean luma in code values."""
    detail: float
    """Standard deviation of luma in code values."""
    repetition: float
    """Largest autocorrelation of the image at a shift within `_SHIFTS`, weighted by its contrast."""
    change: float
    """1 minus the similarity to the next key frame; 0 if that is unknown."""
    next_time: Fraction


def _repetition(luma: npt.NDArray[np.float32]) -> float:
    """Returns the largest peak in the autocorrelation of edges along rows or columns, at a shift within `_SHIFTS`.

    Only local maxima count, not the flank of the peak at a shift of 0, which every smooth image has.
    """
    best = 0.0
    for axis in (0, 1):
        edges = np.diff(luma, axis=axis)
        edges = edges - edges.mean()
        power = np.abs(np.fft.rfft(edges, n=2 * edges.shape[axis], axis=axis)) ** 2
        correlation = np.fft.irfft(power.sum(1 - axis))
        if correlation[0] <= 0:
            continue
        along = correlation[: min(max(_SHIFTS) + 1, edges.shape[axis])] / correlation[0]
        for k in range(min(_SHIFTS), len(along) - 1):
            if along[k] >= along[k - 1] and along[k] >= along[k + 1]:
                best = max(best, float(along[k]))
    return best


def _look(sample: Sample, display: Display) -> _Look:
    first, second = (display.show(frame)[0].astype(np.float32) for frame in (sample.first, sample.second))
    difference = np.abs(first - second)
    height, width = difference.shape
    block = min(_BLOCK, height, width)
    rows, columns = height // block, width // block
    blocks = difference[: rows * block, : columns * block].reshape(rows, block, columns, block).mean((1, 3))
    change = 0.0
    if sample.next_key is not None:
        thumbs = []
        for frame in (sample.first, sample.next_key):
            layout = layout_of(frame)
            thumbs.append(thumbnail(planes_of(frame, layout), layout))
        change = 1.0 - similarity(thumbs[0], thumbs[1])
    detail = float(first.std())
    repetition = _repetition(first) * min(detail / 40.0, 1.0)
    return _Look(
        sample.time,
        float(np.sort(blocks, axis=None)[-max(blocks.size // 10, 1) :].mean()),
        float(first.mean()),
        detail,
        repetition,
        change,
        sample.next_time,
    )


def find_places(
    path: Path,
    options: InputOptions,
    *,
    begin: Fraction,
    end: Fraction,
    rate: Fraction | None,
    seekable: bool,
) -> list[Place]:
    """Returns up to ten parts of a video, in order.

    Three have the most motion, two are around cuts, two have the most repetitive patterns, and one is the darkest that
    is not black. They keep a distance from each other; the remaining ones are spread evenly.

    Args:
      path: path of the video.
      options: options of the input.
      begin, end: bounds of the search in s.
      rate: frame rate in frames per second, None if unknown.
      seekable: as in `sampling.samples`.
    """
    length = Fraction(1) if rate is None else min(Fraction(1), 30 / rate)
    if end - begin <= PLACES * length:
        count = max(int((end - begin) / length), 1)
        return [Place(begin + k * length, length, "consecutive, since the video is short") for k in range(count)]
    looks: list[_Look] = []
    display: Display | None = None
    for sample in samples(path, options, begin, end, SAMPLES, seekable=seekable):
        if display is None:
            display = Display(sample.first, display_size(sample.first, None, _BOX))
        looks.append(_look(sample, display))
    apart = max(length * Fraction(3, 2), (end - begin) / 60)
    chosen: list[Place] = []

    def add(start: Fraction, reason: str) -> bool:
        start = min(max(start, begin), end - length)
        if len(chosen) >= PLACES or any(abs(start - place.start) < apart for place in chosen):
            return False
        chosen.append(Place(start, length, reason))
        return True

    def best(count: int, looked: list[_Look], reason: Callable[[_Look], str]) -> None:
        for one in looked:
            if count and add(one.time, reason(one)):
                count -= 1

    cuts = _CUTS
    for one in sorted(looks, key=lambda one: -one.change)[: 2 * _CUTS]:
        if cuts and 1.0 - one.change < _CUT_BELOW and one.next_time - one.time <= _FAR_S:
            at = _cut(path, options, one.time, one.next_time)
            cuts -= add(at - length / 2, f"a cut at {clock(at)}")
    best(3, sorted(looks, key=lambda one: -one.motion), lambda one: "much motion")
    lit = [one for one in looks if one.light > _BLACK and one.detail > _FLAT]
    best(1, sorted(lit, key=lambda one: one.light), lambda one: "dark")
    best(2, sorted(lit, key=lambda one: -one.repetition), lambda one: "a repetitive pattern, where motion is ambiguous")
    for k in range(1, 2 * PLACES, 2):
        add(begin + (end - begin) * k / (2 * PLACES), "spread over the video")
    for k in range(1, 8 * PLACES, 2):
        add(begin + (end - begin) * k / (8 * PLACES), "spread over the video")
    return sorted(chosen, key=lambda place: place.start)


def _cut(path: Path, options: InputOptions, begin: Fraction, end: Fraction) -> Fraction:
    """Returns the time in s of the frame that is least similar to the frame before."""
    least, found, last = 2.0, end, None
    with open_source(path, options, start=begin, duration=end - begin + 1) as source:
        for item in source.items(packets=False):
            if not isinstance(item, SourceFrame):
                continue
            layout = layout_of(item.frame)
            thumb = thumbnail(planes_of(item.frame, layout), layout)
            if last is not None:
                alike = similarity(last, thumb)
                if alike < least:
                    least, found = alike, begin + item.pts * source.info.time_base
            last = thumb
    return found
