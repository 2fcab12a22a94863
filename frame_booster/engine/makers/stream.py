"""Interpolation pair by pair, where the encoding of a frame is kept for its next pair."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np

from frame_booster.engine.device import tensorflow
from frame_booster.engine.maker import Request
from frame_booster.engine.makers.alpha import blend_alpha
from frame_booster.engine.makers.plan_maker import plane_specs, tracing
from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.model import Model
from frame_booster.network.interface import FrameCoding
from frame_booster.pixels import PixelLayout, Planes


class StreamMaker:
    """Interpolates one frame at a time and encodes each source frame once, however many frames come of it.

    A `PlanMaker`. Calls may come from several threads, of consecutive pairs.

    Args:
      model: network, weights and device.
      coding: of the network.
      layout: of all frames.
      plan: with one strip, batches of one pair.
    """

    def __init__(self, model: Model, coding: FrameCoding, layout: PixelLayout, plan: Plan) -> None:
        self.model, self.layout, self.plan = model, layout, plan
        self.frames_encoded = 0
        """Frames encoded so far."""
        self._encoded: deque[tuple[Planes, Future[Any]]] = deque(maxlen=plan.at_once + 1)
        """The frames of the pairs that are being interpolated, newest last."""
        self._lookup = threading.Lock()
        self._encode, self._decode = self._compile(coding)

    @property
    def functions(self) -> list[Any]:
        """From planes to an encoded frame, and from two of those to planes."""
        return [self._encode, self._decode]

    def _compile(self, coding: FrameCoding) -> tuple[Any, Any]:
        tf = tensorflow()
        from frame_booster.engine.colour import compiled_rgb_to_planes
        from frame_booster.engine.network_input import encode_planes
        from frame_booster.network.compiling import prepare_ahead

        layout, multiple, downscale = self.layout, self.model.network.multiple, self.plan.flow_downscale
        planes = plane_specs(layout, 1)

        @tf.function(input_signature=[planes], autograph=False)
        def encode(frame: Any) -> Any:
            seen = encode_planes(frame, layout, multiple, downscale)
            return coding.encode(seen.frames, downscale, seen.downscaled)

        with tracing(self.model.device):
            made = encode.get_concrete_function().structured_outputs
            prepare_ahead(encode, [planes])
            encoded = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), made)

            @tf.function(input_signature=[encoded, encoded, tf.TensorSpec([1], tf.float32)], autograph=False)
            def decode(first: Any, second: Any, t: Any) -> Any:
                return compiled_rgb_to_planes(coding.decode(first, second, t).unclipped, layout)

            decode.get_concrete_function()
        return encode, decode

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
            mine.set_result(self._encode([plane[None] for plane in frame]))
        # Another thread that waits for this frame has to know.
        except BaseException as error:
            mine.set_exception(error)
        return mine.result()

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """Interpolates. A frame is known again by being the same object."""
        return [self._make_one(frames[r.first], frames[r.second], float(r.t)) for r in requests]

    def _make_one(self, first: Planes, second: Planes, t: float) -> Planes:
        with tensorflow().device(self.model.device):
            results = self._decode(self._encoding_of(first), self._encoding_of(second), np.full(1, t, np.float32))
        made = [result.numpy()[0] for result in results]
        if self.layout.alpha:
            made.append(blend_alpha(first, second, t, self.layout))
        return tuple(made)
