"""Interpolation pair by pair, where the encoding of a frame is kept for its next pair."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np

from frame_booster.engine.contract import StreamFunctions
from frame_booster.engine.maker import Request
from frame_booster.engine.makers.alpha import blend_alpha
from frame_booster.engine.memory_plan import Plan
from frame_booster.pixels import PixelLayout, Planes


class StreamMaker:
    """Interpolates one frame at a time and encodes each source frame once, however many frames come of it.

    A `PlanMaker`. Calls may come from several threads, of consecutive pairs.

    Args:
      compiled: of an engine.
      layout: of all frames.
      plan: with one strip, batches of one pair.
    """

    def __init__(self, compiled: StreamFunctions, layout: PixelLayout, plan: Plan) -> None:
        self.compiled, self.layout = compiled, layout
        self.frames_encoded = 0
        """Frames encoded so far."""
        self._encoded: deque[tuple[Planes, Future[Any]]] = deque(maxlen=plan.at_once + 1)
        """The frames of the pairs that are being interpolated, newest last."""
        self._lookup = threading.Lock()

    def _encoding_of(self, frame: Planes) -> Any:
        with self._lookup:
            known = next((encoded for planes, encoded in self._encoded if planes is frame), None)
            if known is None:
                mine: Future[Any] = Future()
                self._encoded.append((frame, mine))
                self.frames_encoded += 1
        if known is not None:
            return known.result()
        try:
            mine.set_result(self.compiled.encode(frame))
        # Another thread that waits for this frame has to know; one that comes later tries again.
        except BaseException as error:
            self._forget(mine)
            mine.set_exception(error)
        return mine.result()

    def _forget(self, failed: Future[Any]) -> None:
        with self._lookup:
            kept = [(planes, encoded) for planes, encoded in self._encoded if encoded is not failed]
            self._encoded.clear()
            self._encoded.extend(kept)

    def warm_up(self) -> None:
        """Does nothing: what takes one frame at a time is compiled by its first."""

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """Interpolates. A frame is known again by being the same object."""
        return [self._make_one(frames[r.first], frames[r.second], float(r.t)) for r in requests]

    def _make_one(self, first: Planes, second: Planes, t: float) -> Planes:
        encoded = (self._encoding_of(first), self._encoding_of(second))
        made = [plane[0] for plane in self.compiled.decode(*encoded, np.full(1, t, np.float32))]
        if self.layout.alpha:
            made.append(blend_alpha(first, second, t, self.layout))
        return tuple(made)
