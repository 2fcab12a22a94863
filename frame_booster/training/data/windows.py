"""Training samples from windows: squares of a clip, usually larger than the crop, that are scaled down to it.

`sampling` draws scales from one range. Here most windows have at most the usual side and a share is larger, up to the
largest clips, so that a network is trained on the motion of large frames. The probability of a triplet grows with its
motion at a common size. The windows of a step depend only on the seed and the step.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from frame_booster.errors import InputError
from frame_booster.training.config import RunConfig
from frame_booster.training.data.manifest import Clip, FloatArray, FrameArray, FrameStore
from frame_booster.training.data.sampling import gaps_of
from frame_booster.training.data.stored_flows import CHANNELS, StoredFlows, flows_path, motion_of_window
from frame_booster.training.data.stores import place_of

FLOW_READERS = 8
"""Threads that read stored flows for the windows of a batch."""


class Window(NamedTuple):
    """The frames and the square of one sample, and how they are flipped and recoloured."""

    clip: int
    """Index of the clip in the store."""
    order: tuple[int, int, int]
    """Numbers of the first, target and last frame; decreasing if time is reversed."""
    top: int
    left: int
    side: int
    """Side of the square, px."""
    t: float
    """Time of the target frame between the first (0) and the last (1) of `order`."""
    flip_y: bool
    flip_x: bool
    turn: bool
    """Whether rows and columns are swapped, after the flips."""
    colours: tuple[int, int, int]
    """Channel of the clip for each channel of the sample."""


@dataclass(frozen=True)
class WindowBatch:
    """Samples of one step."""

    frames: FrameArray
    """(B, 3, S, S, 3) uint8 RGB: first, target and last frame."""
    t: FloatArray
    """Times of the target frames, (B,)."""
    place: FloatArray
    """(2,) in [0, 1): position of the square for the perceptual distance."""
    motion: npt.NDArray[np.float16]
    """(B, S, S, 5) stored motion of the samples, as `stored_flows.motion_of_window`; (0, S, S, 5) without stored
    flows."""
    known: FloatArray
    """(B,): 1 for samples that have stored motion, else 0."""


class WindowSampler:
    """Draws windows from a store of clips, and cuts them.

    Args:
      store: store of the clips.
      config: configuration of the run.
      flows: stored flows, if they label the samples.
      alike: whether side, `turn` and `colours` are drawn once per batch, not per sample: a graph that cuts windows
        needs fixed shapes.
      multiple: sides are multiples of this, px.

    Raises:
      InputError: no clip has enough motion, or all that have are smaller than the crops.
    """

    def __init__(
        self,
        store: FrameStore,
        config: RunConfig,
        flows: StoredFlows | None = None,
        *,
        alike: bool = False,
        multiple: int = 1,
    ) -> None:
        self.store, self.config, self.flows = store, config, flows
        self.alike, self.multiple = alike, multiple
        self._sums = [np.concatenate([[0.0], np.cumsum(clip.pair_motion)]) for clip in store.clips]
        self._tables: dict[tuple[int, int], tuple[npt.NDArray[np.int64], FloatArray]] = {}
        tables = [self.triplets(*gaps)[0] for gaps in gaps_of(config.windows.strides, config.windows.other_t)]
        moving = {int(number) for places in tables for number in places[:, 0]}
        if not moving:
            hint = "use a smaller min_motion, or other strides"
            raise InputError("no triplet of the clips moves enough", path=store.root, hint=hint)
        # Only of clips with motion: a side larger than all of them would be drawn again and again.
        self._largest = max(min(store.clips[k].height, store.clips[k].width) for k in moving)
        crop = max(phase.height for phase in config.phases)
        if self._largest < crop:
            hint = "use a smaller height and width in the phase, or larger clips"
            raise InputError(f"no clip with motion is as large as the crops of {crop} px", path=store.root, hint=hint)

    def triplets(self, before: int, after: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Returns (clip, first frame) of all triplets with these gaps and enough motion, and their cumulative
        probabilities."""
        key, windows = (before, after), self.config.windows
        if key not in self._tables:
            places, odds = [], []
            for number, (clip, sums) in enumerate(zip(self.store.clips, self._sums, strict=True)):
                scale = min(1.0, windows.usual_side / min(clip.height, clip.width))
                for start in range(clip.frames - before - after):
                    motion = scale * float(sums[start + before + after] - sums[start]) / 2
                    if motion >= windows.min_motion:
                        places.append((number, start))
                        odds.append(min(motion, windows.max_motion) ** windows.motion_power)
            total = np.cumsum(np.asarray(odds, np.float64))
            self._tables[key] = np.asarray(places, np.int64).reshape(-1, 2), total / (total[-1] if odds else 1.0)
        return self._tables[key]

    def _side(self, rng: np.random.Generator, crop: int) -> int:
        usual = max(min(self.config.windows.usual_side, self._largest), crop)
        if self._largest > usual and rng.random() < self.config.windows.large:
            side = int(rng.uniform(usual, self._largest))
        else:
            side = int(rng.uniform(crop, usual)) if usual > crop else crop
        return max(side // self.multiple * self.multiple, crop)

    def _pick(self, rng: np.random.Generator, side: int) -> Window | None:
        windows = self.config.windows
        stride = int(rng.choice(windows.strides))
        before = after = stride
        if rng.random() < windows.other_t:
            span = max(2 * stride, 3)
            before = int(rng.integers(1, span))
            after = span - before
        places, odds = self.triplets(before, after)
        if not len(places):
            return None
        number, start = places[min(int(np.searchsorted(odds, rng.random())), len(places) - 1)]
        clip = self.store.clips[int(number)]
        if min(clip.height, clip.width) < side:
            return None
        first = int(start)
        t, order = before / (before + after), (first, first + before, first + before + after)
        if rng.random() < 0.5:
            t, order = 1.0 - t, (order[2], order[1], order[0])
        top, left = (int(rng.integers(0, length - side + 1)) for length in (clip.height, clip.width))
        flip_y, flip_x = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
        return Window(int(number), order, top, left, side, t, flip_y, flip_x, *self._shown(rng))

    def _shown(self, rng: np.random.Generator) -> tuple[bool, tuple[int, int, int]]:
        turn = bool(rng.random() < 0.5)
        moved = rng.random() < self.config.windows.colour_order
        first, second, third = (int(c) for c in rng.permutation(3)) if moved else (0, 1, 2)
        return turn, (first, second, third)

    def draw(self, step: int, at: int | None = None, side: int | None = None) -> tuple[list[Window], FloatArray]:
        """Draws the windows of a step, and the position of the square for the perceptual distance.

        Args:
          step: step of the run, which seeds the choice.
          at: position in the schedule; None: `step`.
          side: side of the windows if they are alike, px; None: it is drawn.
        """
        phase, _ = self.config.phase_at(step if at is None else at)
        rng = np.random.default_rng([self.config.seed, step])
        drawn: list[Window] = []
        drawn_side, (turn, colours) = self._side(rng, phase.height), self._shown(rng)
        side = drawn_side if side is None else side
        while len(drawn) < phase.batch:
            window = self._pick(rng, side if self.alike else self._side(rng, phase.height))
            if window is not None:
                drawn.append(window._replace(turn=turn, colours=colours) if self.alike else window)
        return drawn, np.asarray(rng.random(2), np.float32)

    def batch(self, step: int, at: int | None = None) -> WindowBatch:
        """Draws and cuts the samples of a step; the same for the same seed and step."""
        phase, _ = self.config.phase_at(step if at is None else at)
        windows, place = self.draw(step, at)
        frames = np.stack([self.cut(window, phase.height) for window in windows])
        motion, known = self.motions(windows, phase.height)
        times = np.asarray([window.t for window in windows], np.float32)
        return WindowBatch(frames, times, place, motion, known)

    def cut(self, window: Window, crop: int) -> FrameArray:
        """Returns the frames of a window, (3, crop, crop, 3) uint8."""
        clip, side = self.store.clips[window.clip], window.side
        made = []
        for number in window.order:
            frame = self.store.frame(clip, number)[window.top : window.top + side, window.left : window.left + side]
            if side != crop:
                frame = cv2.resize(np.ascontiguousarray(frame), (crop, crop), interpolation=cv2.INTER_AREA)
            frame = frame[:: -1 if window.flip_y else 1, :: -1 if window.flip_x else 1]
            made.append((frame.transpose(1, 0, 2) if window.turn else frame)[..., window.colours])
        return np.stack(made)

    def motions(self, windows: list[Window], crop: int) -> tuple[npt.NDArray[np.float16], FloatArray]:
        """Returns the stored motion of windows, (B, crop, crop, 5), and (B,) 1 for windows that have one, else 0."""
        if self.flows is None:
            return np.zeros((0, crop, crop, CHANNELS), np.float16), np.zeros(0, np.float32)
        motion = np.zeros((len(windows), crop, crop, CHANNELS), np.float16)
        known = np.zeros(len(windows), np.float32)
        flows = self.flows

        def bring(k: int) -> None:
            window = windows[k]
            clip: Clip = self.store.clips[window.clip]
            found = flows.motion(flows_path(*place_of(self.store, clip)), window.order)
            if found is not None:
                place = window.top, window.left, window.side, crop
                shown = window.flip_y, window.flip_x, window.turn
                motion[k] = motion_of_window(found, (clip.height, clip.width), *place, *shown)
                known[k] = 1.0

        # About 5 ms of one core each, half a second for a batch of a GPU whose step takes 130 ms.
        with ThreadPoolExecutor(FLOW_READERS) as pool:
            deque(pool.map(bring, range(len(windows))), maxlen=0)
        return motion, known
