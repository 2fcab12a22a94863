"""The functions of the TensorFlow engine: a network traced and compiled for one layout and one plan."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from frame_booster.engine.contract import (
    BatchFunction,
    Indices,
    PictureFunction,
    Pictures,
    StreamFunctions,
    StripFunctions,
    Times,
)
from frame_booster.engine.device import tensorflow
from frame_booster.engine.memory_plan import Plan
from frame_booster.network.interface import FrameCoding, MotionMap, StripSupport
from frame_booster.pixels import PixelLayout, Plane

if TYPE_CHECKING:
    from frame_booster.engine.model import Model


def plane_specs(layout: PixelLayout, frames: int) -> list[Any]:
    """Returns a `tf.TensorSpec` (frames, h, w) for each plane of a layout."""
    tf = tensorflow()
    return [tf.TensorSpec([frames, *shape], tf.as_dtype(layout.dtype)) for shape in layout.plane_shapes]


@contextmanager
def tracing(model: Model) -> Iterator[None]:
    """Within it, functions are traced for a model's device.

    Loops that XLA compiles begin to be compiled meanwhile, so that the first frame does not wait for all of them; not
    where they become parts of one computation.
    """
    from frame_booster.network.compiling import compiling_ahead

    with tensorflow().device(model.device), nullcontext() if model.one_computation else compiling_ahead(model.device):
        yield


def function(model: Model, signature: list[Any]) -> Callable[[Callable[..., Any]], Any]:
    """Returns `tf.function` for functions of a model: one computation of XLA's where the model is to have that."""
    return tensorflow().function(
        input_signature=signature, autograph=False, jit_compile=True if model.one_computation else None
    )


def _arrays(results: Sequence[Any]) -> list[Plane]:
    """Returns tensors as arrays. They wait for the device here, and share the memory they were copied into."""
    return [np.asarray(result) for result in results]


class _Turns:
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

    def run(self, function: Any, planes: Sequence[Plane], *others: Any) -> list[Plane]:
        """Runs a function of a list of planes and of others; on a processor that is all there is to it."""
        tf = tensorflow()
        with tf.device(self._device):
            if not self._apart:
                return _arrays(function(list(planes), *others))
            with self._going_up:
                there = [tf.identity(plane) for plane in planes]
            with self._starting:
                made = function(there, *others)
            return _arrays(made)


class TensorFlowBatch(BatchFunction):
    """One function from planes to planes.

    Args:
      model: network, weights and device.
      layout: of all frames.
      plan: with one strip.
    """

    def __init__(self, model: Model, layout: PixelLayout, plan: Plan) -> None:
        tf = tensorflow()
        from frame_booster.engine.colour import compiled_rgb_to_planes
        from frame_booster.engine.network_input import encode_planes

        self._turns = _Turns(model.device)
        network, downscale, pairs = model.network, plan.flow_downscale, plan.batch_size
        signature = [
            plane_specs(layout, pairs + 1),
            tf.TensorSpec([pairs], tf.int32),
            tf.TensorSpec([pairs], tf.int32),
            tf.TensorSpec([pairs], tf.float32),
        ]

        @function(model, signature)
        def run(planes: Any, first: Any, second: Any, t: Any) -> Any:
            seen = encode_planes(planes, layout, network.multiple, downscale)
            prediction = network.between(seen.frames, first, second, t, downscale, seen.downscaled)
            return compiled_rgb_to_planes(prediction.unclipped, layout)

        with tracing(model):
            run.get_concrete_function()
        self.functions: list[Any] = [run]
        """The compiled functions (`tf.function`, each of one signature), in the order in which they run."""
        self._signature = signature

    def __call__(self, planes: Sequence[Plane], first: Indices, second: Indices, t: Times) -> list[Plane]:
        return self._turns.run(self.functions[0], planes, first, second, t)

    def warm_up(self) -> None:
        planes, *others = self._signature
        zeros = [np.zeros(spec.shape, spec.dtype.as_numpy_dtype) for spec in planes]
        first, second, t = (np.zeros(spec.shape, spec.dtype.as_numpy_dtype) for spec in others)
        self(zeros, first, second + 1, t + np.float32(0.5))


class TensorFlowStream(StreamFunctions):
    """A function from planes to an encoded frame, and one from two of those to planes.

    Args:
      model: network, weights and device.
      coding: of the network.
      layout: of all frames.
      plan: with one strip, batches of one pair.
    """

    def __init__(self, model: Model, coding: FrameCoding, layout: PixelLayout, plan: Plan) -> None:
        tf = tensorflow()
        from frame_booster.engine.colour import compiled_rgb_to_planes
        from frame_booster.engine.network_input import encode_planes
        from frame_booster.network.compiling import prepare_ahead

        self._device = model.device
        multiple, downscale = model.network.multiple, plan.flow_downscale
        planes = plane_specs(layout, 1)

        @function(model, [planes])
        def encode(frame: Any) -> Any:
            seen = encode_planes(frame, layout, multiple, downscale)
            return coding.encode(seen.frames, downscale, seen.downscaled)

        with tracing(model):
            made = encode.get_concrete_function().structured_outputs
            prepare_ahead(encode, [planes])
            encoded = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), made)

            @function(model, [encoded, encoded, tf.TensorSpec([1], tf.float32)])
            def decode(first: Any, second: Any, t: Any) -> Any:
                return compiled_rgb_to_planes(coding.decode(first, second, t).unclipped, layout)

            decode.get_concrete_function()
        self.functions: list[Any] = [encode, decode]
        """The compiled functions, in the order in which they run."""

    def encode(self, planes: Sequence[Plane]) -> Any:
        with tensorflow().device(self._device):
            return self.functions[0](list(planes))

    def decode(self, first: Any, second: Any, t: Times) -> list[Plane]:
        with tensorflow().device(self._device):
            return _arrays(self.functions[1](first, second, t))


class TensorFlowStrips(StripFunctions):
    """A function from planes of whole frames to motion, where the network has strips, and one from those of a strip to
    planes.

    Args:
      model: network, weights and device.
      layout: of whole frames.
      part: of a strip.
      plan: with more than one strip.
    """

    def __init__(self, model: Model, layout: PixelLayout, part: PixelLayout, plan: Plan) -> None:
        self._model, self._layout, self._part, self._downscale = model, layout, part, plan.flow_downscale
        self._support = model.network.strips
        self._strides = [] if self._support is None else [m.stride << self._downscale for m in self._support.maps]
        """Sides of the frame over those of the maps."""
        find = None if self._support is None else self._compile_find(self._support)
        self._find, self._fuse = find, self._compile_fuse()
        self.functions: list[Any] = [self._fuse] if find is None else [find, self._fuse]
        """The compiled functions, in the order in which they run."""

    def _compile_find(self, support: StripSupport) -> Any:
        tf = tensorflow()
        from frame_booster.engine.network_input import flow_rgb

        layout, multiple, downscale = self._layout, self._model.network.multiple, self._downscale
        planes = plane_specs(layout, 1)

        @function(self._model, [planes, planes, tf.TensorSpec([1], tf.float32)])
        def find(first: Any, second: Any, t: Any) -> Any:
            frame0, frame1 = (flow_rgb(frame, layout, multiple, downscale) for frame in (first, second))
            return support.find(frame0, frame1, t)

        with tracing(self._model):
            find.get_concrete_function()
        return find

    def _compile_fuse(self) -> Any:
        tf = tensorflow()
        from frame_booster.engine.code_values import padded
        from frame_booster.engine.colour import compiled_rgb_to_planes
        from frame_booster.engine.network_input import frame_rgb

        network, support, part, downscale = self._model.network, self._support, self._part, self._downscale
        width = padded(part.width, network.multiple << downscale)

        def spec(made: MotionMap) -> Any:
            stride = made.stride << downscale
            return tf.TensorSpec([1, part.height // stride, width // stride, made.channels], made.dtype)

        planes = plane_specs(part, 1)
        maps = [] if support is None else [spec(made) for made in support.maps]

        @function(self._model, [planes, planes, tf.TensorSpec([1], tf.float32), maps])
        def fuse(first: Any, second: Any, t: Any, maps: Any) -> Any:
            frame0, frame1 = (frame_rgb(frame, part, network.multiple, downscale) for frame in (first, second))
            if support is None:
                rgb = network(frame0, frame1, t, flow_downscale=downscale).unclipped
            else:
                rgb = support.fuse(frame0, frame1, maps, t)
            return compiled_rgb_to_planes(rgb, part)

        with tracing(self._model):
            fuse.get_concrete_function()
        return fuse

    def find(self, first: Sequence[Plane], second: Sequence[Plane], t: Times) -> Any:
        if self._find is None:
            return []
        with tensorflow().device(self._model.device):
            return self._find(list(first), list(second), t)

    def fuse(self, first: Sequence[Plane], second: Sequence[Plane], t: Times, motion: Any, top: int) -> list[Plane]:
        with tensorflow().device(self._model.device):
            maps = [
                x[:, top // stride : (top + self._part.height) // stride]
                for x, stride in zip(motion, self._strides, strict=True)
            ]
            return _arrays(self._fuse(list(first), list(second), t, maps))


def picture_function(model: Model, shape: tuple[int, int, int, int], top: float, downscale: int) -> PictureFunction:
    """Compiles the interpolation of pictures, as `LoadedNetwork.pictures`."""
    tf = tensorflow()
    from frame_booster.engine.network_input import encode_pictures

    network, frame = model.network, tf.TensorSpec(shape, tf.float32)

    @function(model, [frame, frame, tf.TensorSpec([], tf.float32)])
    def run(a: Any, b: Any, at: Any) -> Any:
        pair = [encode_pictures(x, top, network.multiple, downscale) for x in (a, b)]
        times, coding = tf.fill([shape[0]], at), network.frame_coding
        if coding is None:
            made = network(pair[0].frames, pair[1].frames, times, flow_downscale=downscale).frame
        else:
            encoded = [coding.encode(x.frames, downscale, x.downscaled) for x in pair]
            made = coding.decode(encoded[0], encoded[1], times).frame
        return made[:, : shape[1], : shape[2]]

    def interpolate(frame0: Pictures, frame1: Pictures, t: float) -> Pictures:
        with tf.device(model.device):
            made: Pictures = run(frame0, frame1, np.float32(t)).numpy()
        return made

    return interpolate
