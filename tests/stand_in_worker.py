"""A worker of a cluster with a stand-in for the network, for tests of all that surrounds it.

A module of its own, so that other processes find the class by its name.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.errors import ModelError
from frame_booster.pipeline import makers
from frame_booster.pipeline.cluster.worker import Worker
from tests.conftest import MeanModel

FRAME_S = "STAND_IN_FRAME_S"
"""Environment variable: how long each interpolated frame takes, s, whatever else the machine does."""
_one = threading.Lock()


class SleepingInterpolator(BatchInterpolator):
    """Sleeps for each frame it makes."""

    def make(self, frames: Any, requests: Any) -> Any:
        """Makes frames, at a fixed rate."""
        with _one:
            time.sleep(float(os.environ[FRAME_S]) * len(requests))
        return super().make(frames, requests)


class StandInWorker(Worker):
    """A worker whose network is the mean of both frames."""

    def load(self) -> Any:
        """Returns what is there at once."""
        if os.environ.get(FRAME_S):
            makers.BatchInterpolator = SleepingInterpolator  # type: ignore[misc]
        return MeanModel()


class FailingWorker(Worker):
    """A worker that finds no device."""

    def load(self) -> Any:
        """Fails."""
        raise ModelError("a device that is not there")
