"""Making frames pair by pair, where what is known of a frame is handed on to its next pair."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import Any

import numpy as np

from frame_booster.engine.device import tensorflow
from frame_booster.engine.memory_plan import Plan
from frame_booster.pixels import PixelLayout, Planes


def mixed_alpha(first: Planes, second: Planes, t: float, layout: PixelLayout) -> Any:
    """Returns the alpha plane at t of two frames, which is blended, not moved."""
    mixed = first[-1] + np.float32(t) * (second[-1].astype(np.float32) - first[-1])
    return (mixed if layout.floating else np.rint(mixed)).astype(layout.dtype)


class StreamMaker:
    """Makes one frame a call; encodes each frame once, however many frames are made of it.

    Calls may come from several threads, of consecutive pairs.

    Args:
      model: network (one with `encode` and `decode`), weights and device.
      layout: of all frames.
      plan: with one strip, batches of one pair.
    """

    def __init__(self, model: Any, layout: PixelLayout, plan: Plan) -> None:
        tf = tensorflow()
        from frame_booster.engine.colour import compiled_planes_to_rgb, compiled_rgb_to_planes
        from frame_booster.network.compiling import compiling_ahead

        self.model, self.layout = model, layout
        self._encoded: deque[tuple[Planes, Future[Any]]] = deque(maxlen=plan.at_once + 1)
        """The frames of the pairs that are being made, newest last."""
        self._looking = threading.Lock()
        network, halvings = model.network, plan.halvings
        planes = [tf.TensorSpec([1, *shape], tf.as_dtype(layout.dtype)) for shape in layout.plane_shapes]

        @tf.function(input_signature=[planes], autograph=False)
        def encode(frame: Any) -> Any:
            rgb = compiled_planes_to_rgb(frame, layout, network.multiple << halvings)
            if not halvings:
                return network.encode(rgb)
            # From the planes, as strips do: to the bit the same, and less to read.
            halved = compiled_planes_to_rgb(frame, layout, network.multiple, halvings)
            return network.encode(rgb, halvings, halved)

        with tf.device(model.device), compiling_ahead(model.device):
            made = encode.get_concrete_function().structured_outputs
            encoded = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), made)

            @tf.function(input_signature=[encoded, encoded, tf.TensorSpec([1], tf.float32)], autograph=False)
            def decode(first: Any, second: Any, t: Any) -> Any:
                return compiled_rgb_to_planes(network.decode(first, second, t).unclipped, layout)

            decode.get_concrete_function()
        self._encode, self._decode = encode, decode

    def _of(self, frame: Planes) -> Any:
        with self._looking:
            known = next((encoded for planes, encoded in self._encoded if planes is frame), None)
            if known is None:
                mine: Future[Any] = Future()
                self._encoded.append((frame, mine))
        if known is not None:
            return known.result()
        try:
            mine.set_result(self._encode([plane[None] for plane in frame]))
        # Whoever else waits for this frame has to know.
        except BaseException as error:
            mine.set_exception(error)
        return mine.result()

    def make(self, first: Planes, second: Planes, t: float) -> Planes:
        """Makes the frame at t in (0, 1) between two. A frame is known again by being the same object."""
        with tensorflow().device(self.model.device):
            results = self._decode(self._of(first), self._of(second), np.full(1, t, np.float32))
        made = [result.numpy()[0] for result in results]
        if self.layout.alpha:
            made.append(mixed_alpha(first, second, t, self.layout))
        return tuple(made)
