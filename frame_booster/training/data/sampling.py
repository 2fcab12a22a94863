"""Drawing training samples: triplets that move, cropped and augmented, with flow labels.

The batch of a step depends on the seed and the step alone, so an interrupted run goes on exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from frame_booster.errors import InputError
from frame_booster.training.config import Phase, RunConfig
from frame_booster.training.data.flow_labels import flow_labels
from frame_booster.training.data.linear_motion import with_linear_motion
from frame_booster.training.data.manifest import Clip, FloatArray, FrameArray, FrameStore
from frame_booster.training.data.synthetic import layered_triplet

STILL = 2.0
"""A crop whose two outer frames differ by less than this, in mean code values, is drawn again."""


ATTEMPTS = 100_000
"""Crops that are drawn for a sample before it is given up."""


@dataclass(frozen=True)
class Batch:
    """Samples of one step."""

    frames: FrameArray
    """(B, 3, H, W, 3) uint8 RGB: first, middle, second."""
    t: FloatArray
    """(B,) position of the middle frame, in (0, 1)."""
    flows: FloatArray
    """(B, H, W, 4) labels in px: (dy, dx) that warp the first frame, then the second, to the middle."""


def _fits(clip: Clip, phase: Phase) -> bool:
    return clip.height >= phase.height and clip.width >= phase.width


def with_changed_light(rng: np.random.Generator, frames: FrameArray, brightness: float, gamma: float) -> FrameArray:
    """Changes brightness and gamma of all frames alike, so that they still show the same scene.

    Args:
      rng: source of both choices; not used where there are none.
      frames: (..., 3) uint8 RGB.
      brightness: largest change, as a share.
      gamma: largest change, in powers of two.
    """
    if not brightness and not gamma:
        return frames
    factor = 1.0 + brightness * float(rng.uniform(-1, 1))
    power = 2.0 ** (gamma * float(rng.uniform(-1, 1)))
    table = 255.0 * np.clip(factor * (np.arange(256) / 255.0) ** power, 0, 1)
    return np.asarray(np.rint(table).astype(np.uint8)[frames])


def gaps_of(strides: Iterable[int], other_t: float) -> Iterator[tuple[int, int]]:
    """Yields what can be drawn: the gaps, in frames, from the first frame to the wanted one and from there to the last.

    Args:
      strides: that are drawn from.
      other_t: share of samples whose wanted frame may be out of the middle.
    """
    for stride in dict.fromkeys(strides):
        if other_t < 1:
            yield stride, stride
        if other_t > 0:
            span = max(2 * stride, 3)
            yield from ((before, span - before) for before in range(1, span))


class Sampler:
    """Draws batches from a store of clips as a run's configuration says.

    Raises:
      InputError: for a phase there is nothing to draw: all clips are smaller than its crops, none that is as large
        moves, or none is as long as its strides.
    """

    def __init__(self, store: FrameStore, config: RunConfig) -> None:
        self.store, self.config = store, config
        self._tables: dict[tuple[int, int], tuple[list[tuple[Clip, int]], FloatArray]] = {}
        for phase in config.phases:
            self._check(phase)

    def _check(self, phase: Phase) -> None:
        if not any(_fits(clip, phase) for clip in self.store.clips):
            what = f"no clip is as large as the crops of {phase.width}x{phase.height} px"
            raise InputError(
                what, path=self.store.root, hint="a smaller height and width of the phase, or larger clips"
            )
        if phase.synthetic >= 1:
            return
        tables = (self._triplets(*gaps)[0] for gaps in gaps_of(phase.strides, phase.any_timestep))
        if not any(_fits(clip, phase) for places in tables for clip, _ in places):
            what = f"no triplet of clips as large as {phase.width}x{phase.height} px moves enough"
            raise InputError(what, path=self.store.root, hint="a smaller min_motion or crop, or shorter strides")

    def _triplets(self, before: int, after: int) -> tuple[list[tuple[Clip, int]], FloatArray]:
        """Returns all (clip, first index) with gaps `before` and `after` to the middle, and their odds."""
        key = (before, after)
        if key not in self._tables:
            places, weights = [], []
            for clip in self.store.clips:
                sums = np.concatenate([[0.0], np.cumsum(clip.pair_motion)])
                for start in range(clip.frames - before - after):
                    motion = float(sums[start + before + after] - sums[start]) / 2
                    if motion >= self.config.min_motion:
                        places.append((clip, start))
                        weights.append(min(motion, self.config.max_motion_weight))
            odds = np.asarray(weights, np.float64)
            self._tables[key] = places, np.cumsum(odds / odds.sum())
        return self._tables[key]

    def _gaps(self, rng: np.random.Generator, phase: Phase) -> tuple[int, int]:
        stride = int(rng.choice(phase.strides))
        if rng.random() >= phase.any_timestep:
            return stride, stride
        span = max(2 * stride, 3)
        before = int(rng.integers(1, span))
        return before, span - before

    def _crop(self, rng: np.random.Generator, phase: Phase, clip: Clip, indices: tuple[int, ...]) -> FrameArray | None:
        """Cuts one window out of one or three frames and scales it to the phase's size; None if it does not fit."""
        turn = bool(rng.random() < 0.5) and phase.height == phase.width
        height, width = phase.height, phase.width
        scale = float(rng.uniform(*phase.scale))
        scale = max(scale, height / clip.height, width / clip.width)
        if scale > 1.0:
            return None
        region_h, region_w = min(round(height / scale), clip.height), min(round(width / scale), clip.width)
        top = int(rng.integers(0, clip.height - region_h + 1))
        left = int(rng.integers(0, clip.width - region_w + 1))
        crops = []
        for index in indices:
            crop = self.store.frame(clip, index)[top : top + region_h, left : left + region_w]
            if (region_h, region_w) != (height, width):
                crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)
            crops.append(crop)
        frames = np.stack(crops)
        if len(indices) > 1 and np.abs(frames[0].astype(np.int16) - frames[-1]).mean() < STILL:
            return None
        if rng.random() < 0.5:
            frames = frames[:, ::-1]
        if rng.random() < 0.5:
            frames = frames[:, :, ::-1]
        if turn:
            frames = frames.transpose(0, 2, 1, 3)
        frames = np.ascontiguousarray(frames[..., rng.permutation(3)])
        return with_changed_light(rng, frames, self.config.brightness, self.config.gamma)

    def _draw(self, rng: np.random.Generator, phase: Phase) -> tuple[FrameArray, float]:
        for _ in range(ATTEMPTS):
            before, after = self._gaps(rng, phase)
            places, odds = self._triplets(before, after)
            if not places:
                # Clips that are as long, or move as much, have other strides alone.
                continue
            clip, start = places[min(int(np.searchsorted(odds, rng.random())), len(places) - 1)]
            frames = self._crop(rng, phase, clip, (start, start + before, start + before + after))
            if frames is None:
                continue
            if rng.random() < 0.5:
                return np.ascontiguousarray(frames[::-1]), after / (before + after)
            return frames, before / (before + after)
        what = f"of {ATTEMPTS} crops that were drawn, one after the other, none changes from frame to frame"
        raise InputError(what, path=self.store.root, hint="clips that move, or that are not smaller than the crops")

    def _synthesise(self, rng: np.random.Generator, phase: Phase) -> tuple[FrameArray, float, FloatArray]:
        pictures: list[FrameArray] = []
        wanted = 1 + int(rng.integers(0, 3))
        while len(pictures) < wanted:
            clip = self.store.clips[int(rng.integers(len(self.store.clips)))]
            index = int(rng.integers(clip.frames))
            if (crop := self._crop(rng, phase, clip, (index,))) is not None:
                pictures.append(crop[0])
        t = float(rng.uniform(0.2, 0.8)) if rng.random() < phase.any_timestep else 0.5
        frames, flows = layered_triplet(rng, pictures, t, phase.reach)
        return frames, t, flows

    def batch(self, step: int, at: int | None = None) -> Batch:
        """Draws the batch of `step`; the same for the same seed and step.

        Args:
          step: of the run; names what is drawn.
          at: where in the schedule it lies; None: at the step.
        """
        phase, progress = self.config.phase_at(step if at is None else at)
        rng = np.random.default_rng([self.config.seed, step])
        frames = np.empty((phase.batch, 3, phase.height, phase.width, 3), np.uint8)
        times = np.empty(phase.batch, np.float32)
        flows = np.zeros((phase.batch, phase.height, phase.width, 4), np.float32)
        supervised = any(phase.weight(name, progress) > 0 for name in ("flow_weight", "matching_weight"))
        labelled = supervised or self.config.even
        for k in range(phase.batch):
            if rng.random() < phase.synthetic:
                frames[k], times[k], flows[k] = self._synthesise(rng, phase)
                continue
            frames[k], times[k] = self._draw(rng, phase)
            if labelled:
                flows[k] = flow_labels(frames[k])
            if self.config.even:
                frames[k, 1], flows[k] = with_linear_motion(frames[k], flows[k], float(times[k]))
        return Batch(frames, times, flows)
