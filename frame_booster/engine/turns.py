"""Calls of one function on a device, several under way at the same time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from frame_booster.engine.device import tensorflow
from frame_booster.pixels import Plane


def arrays_of(results: Sequence[Any]) -> list[Plane]:
    """Returns tensors as arrays. They wait for the device here, and share the memory they were copied into."""
    return [np.asarray(result) for result in results]


MOST_KNOWN = 256
"""Small arrays that are kept on a device."""


class Turns:
    """Calls of one function on a device, several of which may be under way at the same time.

    A device computes them one after the other. Each brings its planes to the device, starts the computation and waits
    for what it gives; since the first two steps return before the device is done, one batch goes up and one comes down
    while a third is computed.

    Args:
      device: as TensorFlow names it.
    """

    def __init__(self, device: str) -> None:
        self._device, self._apart = device, "CPU" not in device
        self._going_up, self._starting = threading.Lock(), threading.Lock()
        self._there: dict[tuple[str, bytes], Any] = {}

    def run(self, function: Any, planes: Sequence[Plane], *others: Any) -> list[Plane]:
        """Runs a function of a list of planes and of small others; on a processor that is all there is to it."""
        tf = tensorflow()
        with tf.device(self._device):
            if not self._apart:
                return arrays_of(function(list(planes), *others))
            with self._going_up:
                there = [tf.identity(plane) for plane in planes]
                known = [self._brought(other) for other in others]
            with self._starting:
                made = function(there, *known)
            return arrays_of(made)

    def _brought(self, other: np.ndarray[Any, Any]) -> Any:
        """Returns a small array on the device. Nearly all batches have the same times and order of frames."""
        key = other.dtype.str, other.tobytes()
        if key not in self._there:
            if len(self._there) >= MOST_KNOWN:
                self._there.clear()
            self._there[key] = tensorflow().identity(other)
        return self._there[key]
