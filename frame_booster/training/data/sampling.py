"""Training samples: triplets with motion, cropped and augmented, with flow labels.

The batch of a step depends only on the seed and the step, so an interrupted run continues exactly.
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
"""Mean difference of the outer frames of a crop below which another crop is drawn, code values."""


ATTEMPTS = 100_000
"""Number of crops drawn in a row without success after which the sampler fails."""


@dataclass(frozen=True)
class Batch:
    """Samples of one step."""

    frames: FrameArray
    """(B, 3, H, W, 3) uint8 RGB: first, middle and second frame."""
    t: FloatArray
    """Times of the middle frames, (B,) in (0, 1)."""
    flows: FloatArray
    """Flow labels, (B, H, W, 4) px: (dy, dx) that warp the first frame to the middle frame, then those of the
    second."""


def _fits(clip: Clip, phase: Phase) -> bool:
    return clip.height >= phase.height and clip.width >= phase.width


def with_changed_light(rng: np.random.Generator, frames: FrameArray, brightness: float, gamma: float) -> FrameArray:
    """Changes brightness and gamma of all frames in the same way, so that they still show one scene.

    Args:
      rng: random generator; not used if both limits are 0.
      frames: (..., 3) uint8 RGB.
      brightness: largest relative change.
      gamma: largest change, in powers of two.
    """
    if not brightness and not gamma:
        return frames
    factor = 1.0 + brightness * float(rng.uniform(-1, 1))
    power = 2.0 ** (gamma * float(rng.uniform(-1, 1)))
    table = 255.0 * np.clip(factor * (np.arange(256) / 255.0) ** power, 0, 1)
    return np.asarray(np.rint(table).astype(np.uint8)[frames])


def gaps_of(strides: Iterable[int], other_t: float) -> Iterator[tuple[int, int]]:
    """Yields all gaps that can be drawn, in frames: from the first to the target frame, and from there to the last.

    Args:
      strides: strides to draw from.
      other_t: share of samples whose target frame need not be in the middle.
    """
    for stride in dict.fromkeys(strides):
        if other_t < 1:
            yield stride, stride
        if other_t > 0:
            span = max(2 * stride, 3)
            yield from ((before, span - before) for before in range(1, span))


class Sampler:
    """Draws batches from a store of clips, as the configuration of a run says.

    Raises:
      InputError: a phase has nothing to draw: all clips are smaller than its crops, or none of that size has enough
        motion or is as long as its strides.
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
                what, path=self.store.root, hint="use a smaller height and width in the phase, or larger clips"
            )
        if phase.synthetic >= 1:
            return
        tables = (self._triplets(*gaps)[0] for gaps in gaps_of(phase.strides, phase.any_timestep))
        if not any(_fits(clip, phase) for places in tables for clip, _ in places):
            what = f"no triplet of clips as large as {phase.width}x{phase.height} px moves enough"
            raise InputError(what, path=self.store.root, hint="use smaller min_motion or crops, or other strides")

    def _triplets(self, before: int, after: int) -> tuple[list[tuple[Clip, int]], FloatArray]:
        """Returns (clip, first index) of all triplets with these gaps and enough motion, and their cumulative
        probabilities."""
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
        """Crops one or three frames and scales them to the phase's size; None if the crop does not fit or nothing
        moves."""
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
                # No clip is long enough or has enough motion for these gaps, but for others.
                continue
            clip, start = places[min(int(np.searchsorted(odds, rng.random())), len(places) - 1)]
            frames = self._crop(rng, phase, clip, (start, start + before, start + before + after))
            if frames is None:
                continue
            if rng.random() < 0.5:
                return np.ascontiguousarray(frames[::-1]), after / (before + after)
            return frames, before / (before + after)
        what = f"none of {ATTEMPTS} crops drawn in a row fits and has motion"
        raise InputError(what, path=self.store.root, hint="use clips with motion, as large as the crops")

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
        """Draws the batch of a step; the same for the same seed and step.

        Args:
          step: step of the run, which seeds the choice.
          at: position in the schedule; None: `step`.
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
