"""The functions of the TensorFlow engine: a network traced and compiled for one layout and one plan."""

from __future__ import annotations

import functools
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
    Times,
)
from frame_booster.engine.device import tensorflow
from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.plane_transfer import PackedTransfer, PlaneTransfer
from frame_booster.engine.turns import Turns
from frame_booster.network.interface import FrameCoding
from frame_booster.pixels import PixelLayout, Plane, Planes

if TYPE_CHECKING:
    from frame_booster.engine.model import Model
    from frame_booster.engine.network_input import NetworkInput
    from frame_booster.network.computations import Computations


def plane_specs(layout: PixelLayout, frames: int) -> list[Any]:
    """Returns a `tf.TensorSpec` (frames, h, w) for each plane of a layout."""
    tf = tensorflow()
    return [tf.TensorSpec([frames, *shape], tf.as_dtype(layout.dtype)) for shape in layout.plane_shapes]


@contextmanager
def tracing(model: Model, computations: Computations | None = None) -> Iterator[None]:
    """Within it, functions are traced for a model's device, as several computations if those are given.

    Loops that XLA compiles begin to be compiled meanwhile, so that the first frame does not wait for all of them; not
    where they become parts of computations.
    """
    from frame_booster.network.compiling import compiling_ahead

    ahead = nullcontext() if model.as_computations else compiling_ahead(model.device)
    with tensorflow().device(model.device), ahead, nullcontext() if computations is None else computations.traced():
        yield


def computations_of(model: Model) -> Computations | None:
    """Returns what the stages of a model's functions become, where they are computations of XLA's."""
    if not model.as_computations:
        return None
    from frame_booster.network.computations import Computations

    return Computations(model.device)


def function(
    model: Model, signature: list[Any], computations: Computations | None = None
) -> Callable[[Callable[..., Any]], Any]:
    """Returns `tf.function` for functions of a model: one computation of XLA's where the model is to have that.

    That has the weights as constants: XLA lays them out for its convolutions when it compiles, not at every call (some
    forty kernels of 3 us each), and a call hands over no variables, of which TensorFlow looks at each.

    Args:
      model: that the function is of.
      signature: of its arguments.
      computations: its stages become several of these instead of one.
    """
    from frame_booster.network.layers import weights_as_constants

    def decorated(body: Callable[..., Any]) -> Any:
        @functools.wraps(body)
        def traced(*given: Any) -> Any:
            with weights_as_constants() if model.as_computations else nullcontext():
                return body(*given)

        return tensorflow().function(
            traced,
            input_signature=signature,
            autograph=False,
            jit_compile=True if model.as_computations and computations is None else None,
        )

    return decorated


def transfer(model: Model, layout: PixelLayout) -> PlaneTransfer:
    """Returns how frames of a layout reach a model's device."""
    return PackedTransfer(layout) if model.as_computations else PlaneTransfer(layout)


def _frames(way: PlaneTransfer, arrays: Any, layout: PixelLayout, multiple: int, flow_downscale: int) -> NetworkInput:
    """Returns, within a graph, what a network is given of frames that have reached the device."""
    from frame_booster.engine.network_input import encode_planes
    from frame_booster.network.computations import computation

    def frames(given: Any) -> NetworkInput:
        return encode_planes(way.received(given), layout, multiple, flow_downscale)

    seen: NetworkInput = computation(frames, arrays)
    return seen


def _planes(way: PlaneTransfer, rgb: Any, layout: PixelLayout) -> Any:
    """Returns, within a graph, the tensors by which interpolated frames (B, H, W, 3) come back."""
    from frame_booster.engine.colour import compiled_rgb_to_planes
    from frame_booster.network.computations import computation

    def planes(made: Any) -> Any:
        return way.sent(compiled_rgb_to_planes(made, layout))

    return computation(planes, rgb)


class TensorFlowBatch(BatchFunction):
    """One function from planes to planes.

    Args:
      model: network, weights and device.
      layout: of all frames.
      plan: with one strip.
    """

    def __init__(self, model: Model, layout: PixelLayout, plan: Plan) -> None:
        tf = tensorflow()
        self._turns, self._transfer = Turns(model.device), transfer(model, layout)
        self._computations = computations_of(model)
        network, downscale, pairs = model.network, plan.flow_downscale, plan.batch_size
        # TensorFlow keeps integers of 32 bits in the host's memory, from where each computation would fetch them.
        self._index = np.int32 if self._computations is None else np.float32
        index, times = (tf.TensorSpec([pairs], kind) for kind in (self._index, tf.float32))
        signature = [self._transfer.specs(pairs + 1), index, index, times]

        @function(model, signature, self._computations)
        def run(given: Any, first: Any, second: Any, t: Any) -> Any:
            frames = _frames(self._transfer, given, layout, network.multiple, downscale)
            prediction = network.between(frames.frames, first, second, t, downscale, frames.downscaled)
            return _planes(self._transfer, prediction.unclipped, layout)

        with tracing(model, self._computations):
            run.get_concrete_function()
        self.functions: list[Any] = [run]
        """The compiled functions (`tf.function`, each of one signature), in the order in which they run."""
        self._signature = signature

    def __call__(self, frames: Sequence[Planes], first: Indices, second: Indices, t: Times) -> list[Plane]:
        if self._computations is not None:
            self._computations.compile()
        order = (index.astype(self._index, copy=False) for index in (first, second))
        made = self._turns.run(self.functions[0], self._transfer.stacked(frames), *order, t)
        return self._transfer.planes(made)

    def warm_up(self) -> None:
        if self._computations is not None:
            self._computations.compile()
        planes, *others = self._signature
        zeros = [np.zeros(spec.shape, spec.dtype.as_numpy_dtype) for spec in planes]
        first, second, t = (np.zeros(spec.shape, spec.dtype.as_numpy_dtype) for spec in others)
        self._turns.run(self.functions[0], zeros, first, second + 1, t + np.float32(0.5))


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
        from frame_booster.network.compiling import prepare_ahead

        self._turns, self._device, self._transfer = Turns(model.device), model.device, transfer(model, layout)
        self._computations = computations_of(model)
        multiple, downscale = model.network.multiple, plan.flow_downscale
        specs = self._transfer.specs(1)

        @function(model, [specs], self._computations)
        def encode(given: Any) -> Any:
            frame = _frames(self._transfer, given, layout, multiple, downscale)
            return coding.encode(frame.frames, downscale, frame.downscaled)

        with tracing(model, self._computations):
            made = encode.get_concrete_function().structured_outputs
            prepare_ahead(encode, [specs])
            encoded = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), made)

            @function(model, [encoded, encoded, tf.TensorSpec([1], tf.float32)], self._computations)
            def decode(first: Any, second: Any, t: Any) -> Any:
                return _planes(self._transfer, coding.decode(first, second, t).unclipped, layout)

            decode.get_concrete_function()
        self.functions: list[Any] = [encode, decode]
        """The compiled functions, in the order in which they run."""

    def encode(self, frame: Planes) -> Any:
        if self._computations is not None:
            self._computations.compile()
        with tensorflow().device(self._device):
            return self.functions[0](self._transfer.stacked([frame]))

    def decode(self, first: Any, second: Any, t: Times) -> list[Plane]:
        def run(_: Any, at: Any) -> Any:
            return self.functions[1](first, second, at)

        return self._transfer.planes(self._turns.run(run, [], t))


def picture_function(model: Model, shape: tuple[int, int, int, int], top: float, downscale: int) -> PictureFunction:
    """Compiles the interpolation of pictures, as `LoadedNetwork.pictures`."""
    tf = tensorflow()
    from frame_booster.engine.network_input import encode_pictures
    from frame_booster.network.computations import computation

    network, frame, computations = model.network, tf.TensorSpec(shape, tf.float32), computations_of(model)

    def frames(given: Any) -> NetworkInput:
        return encode_pictures(given, top, network.multiple, downscale)

    def shown(made: Any) -> Any:
        return made[:, : shape[1], : shape[2]]

    @function(model, [frame, frame, tf.TensorSpec([], tf.float32)], computations)
    def run(a: Any, b: Any, at: Any) -> Any:
        pair = [computation(frames, x) for x in (a, b)]
        times, coding = tf.fill([shape[0]], at), network.frame_coding
        if coding is None:
            made = network(pair[0].frames, pair[1].frames, times, flow_downscale=downscale).frame
        else:
            encoded = [coding.encode(x.frames, downscale, x.downscaled) for x in pair]
            made = coding.decode(encoded[0], encoded[1], times).frame
        return computation(shown, made)

    # A call that traces is counted, and the fifth, of another shape each, gets a warning of TensorFlow's.
    with tf.device(model.device), nullcontext() if computations is None else computations.traced():
        traced = run.get_concrete_function()

    def interpolate(frame0: Pictures, frame1: Pictures, t: float) -> Pictures:
        if computations is not None:
            computations.compile()
        with tf.device(model.device):
            made: Pictures = traced(frame0, frame1, np.float32(t)).numpy()
        return made

    return interpolate
