"""The input of `fused_step`: batches drawn ahead by another thread, or positions of windows in frames on the device."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import cv2
import numpy as np
import tensorflow as tf

from frame_booster.training.config import RunConfig
from frame_booster.training.data.manifest import FrameStore
from frame_booster.training.data.resident import SIDES, ResidentFrames, decoded_bytes
from frame_booster.training.data.sampling import Sampler
from frame_booster.training.data.stored_flows import StoredFlows
from frame_booster.training.data.windows import WindowSampler
from frame_booster.training.loop.checks import STORED
from frame_booster.training.loop.fused_step import Samples

RESIDENT_SHARE = 0.5
"""Share of a GPU's memory that decoded frames may take; if they need more, they stay on the host."""


class Fed(NamedTuple):
    """The input of one call of the step."""

    samples: Samples
    read: Callable[[Any], Any] | None
    """The argument `read` of `FusedStep.__call__`."""
    size: int
    """Number of samples."""
    places: list[int]
    """Position of each step in the schedule at the time it was drawn, which in a run with `minutes` is a little
    earlier."""


def device_memory(device: str) -> int:
    """Returns how many bytes TensorFlow may use on a device; 0 if unknown."""
    from tensorflow.python.client import device_lib

    wanted = device.rpartition("/")[2].replace("GPU", "/device:GPU")
    return next((int(d.memory_limit) for d in device_lib.list_local_devices() if d.name == wanted), 0)


class Feed:
    """Draws the samples of steps, one call ahead.

    Args:
      store: store of the clips.
      config: configuration of the run.
      device: TensorFlow's name of the device that runs the steps.
      resident: whether all frames are kept on the device; None: on a GPU, if they fit.
    """

    def __init__(self, store: FrameStore, config: RunConfig, device: str, resident: bool | None = None) -> None:
        cv2.setNumThreads(1)
        self._config, self._device = config, device
        self._frames: ResidentFrames | None = None
        self.sampler: Sampler | WindowSampler
        if config.sampler == "crops":
            self.sampler = Sampler(store, config)
        else:
            flows = StoredFlows() if config.teacher == STORED else None
            if resident is None:
                resident = "GPU" in device and decoded_bytes(store) <= RESIDENT_SHARE * device_memory(device)
            self._frames = ResidentFrames(store, device) if resident else None
            multiple = SIDES if resident else 1
            self.sampler = WindowSampler(store, config, flows, alike=resident, multiple=multiple)
        self._pool = ThreadPoolExecutor(1)
        self._next: tuple[list[int], Future[Fed]] | None = None

    def __call__(self, steps: list[int], places: list[int], ahead: tuple[list[int], list[int]] | None) -> Fed:
        """Returns the samples of a call, and starts to draw those of the next call.

        Args:
          steps: steps of the call.
          places: position of each step in the schedule. Samples that were drawn ahead keep the position they were drawn
            for.
          ahead: steps and positions of the next call; None: there is none.
        """
        drawn = self._next
        self._next = None
        fed = drawn[1] if drawn and drawn[0] == steps else self._pool.submit(self._draw, steps, places)
        made = fed.result()
        if ahead is not None:
            self._next = ahead[0], self._pool.submit(self._draw, *ahead)
        return made

    def _draw(self, steps: list[int], places: list[int]) -> Fed:
        if self._frames is not None:
            return self._draw_places(self._frames, steps, places)
        parts = []
        for step, at in zip(steps, places, strict=True):
            if isinstance(self.sampler, WindowSampler):
                cut = self.sampler.batch(step, at)
                parts.append((cut.frames, cut.t, cut.place, cut.motion, cut.known))
                continue
            batch = self.sampler.batch(step, at)
            place = np.random.default_rng([self._config.seed, step, 1]).random(2).astype(np.float32)
            nothing = np.zeros((0, *batch.frames.shape[2:4], 5), np.float16)
            parts.append((batch.frames, batch.t, place, nothing, np.zeros(0, np.float32)))
        return Fed(self._samples(parts), None, sum(len(part[0]) for part in parts), places)

    def _draw_places(self, frames: ResidentFrames, steps: list[int], places: list[int]) -> Fed:
        assert isinstance(self.sampler, WindowSampler)
        crop, parts, side = self._config.phase_at(places[0])[0].height, [], 0
        for step, at in zip(steps, places, strict=True):
            # All windows of a call have one side, because it determines the shapes in the graph.
            windows, place = self.sampler.draw(step, at, side or None)
            side = windows[0].side
            motion, known = self.sampler.motions(windows, crop)
            times = np.asarray([window.t for window in windows], np.float32)
            parts.append((frames.places(windows), times, place, motion, known))
        size = sum(len(part[1]) for part in parts)
        return Fed(self._samples(parts), frames.cutter(side, crop), size, places)

    def _samples(self, parts: list[Any]) -> Samples:
        with tf.device(self._device):
            if len(parts) == 1:
                return Samples(*tf.nest.map_structure(tf.constant, parts[0]))
            return Samples(*tf.nest.map_structure(lambda *values: tf.constant(np.stack(values)), *parts))

    def close(self) -> None:
        """Stops the thread."""
        self._pool.shutdown(cancel_futures=True)
