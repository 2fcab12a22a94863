"""The functions of the TensorFlow engine that interpolate strips of a frame, where a whole one does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from frame_booster.engine.contract import StripFunctions, Times
from frame_booster.engine.device import tensorflow
from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.tensorflow_functions import computations_of, function, plane_specs, tracing
from frame_booster.engine.turns import arrays_of
from frame_booster.network.interface import MotionMap, StripSupport
from frame_booster.pixels import PixelLayout, Plane

if TYPE_CHECKING:
    from frame_booster.engine.model import Model


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
        self._computations = computations_of(model)
        find = None if self._support is None else self._compile_find(self._support)
        self._find, self._fuse = find, self._compile_fuse()
        self.functions: list[Any] = [self._fuse] if find is None else [find, self._fuse]
        """The compiled functions, in the order in which they run."""

    def _compile_find(self, support: StripSupport) -> Any:
        tf = tensorflow()
        from frame_booster.engine.network_input import flow_rgb
        from frame_booster.network.computations import computation

        layout, multiple, downscale = self._layout, self._model.network.multiple, self._downscale
        planes = plane_specs(layout, 1)

        def seen(frame: Any) -> Any:
            return flow_rgb(frame, layout, multiple, downscale)

        @function(self._model, [planes, planes, tf.TensorSpec([1], tf.float32)], self._computations)
        def find(first: Any, second: Any, t: Any) -> Any:
            return support.find(computation(seen, first), computation(seen, second), t)

        with tracing(self._model, self._computations):
            find.get_concrete_function()
        return find

    def _compile_fuse(self) -> Any:
        tf = tensorflow()
        from frame_booster.engine.code_values import padded
        from frame_booster.engine.colour import compiled_rgb_to_planes
        from frame_booster.engine.network_input import frame_rgb
        from frame_booster.network.computations import computation

        network, support, part, downscale = self._model.network, self._support, self._part, self._downscale
        width = padded(part.width, network.multiple << downscale)

        def spec(made: MotionMap) -> Any:
            stride = made.stride << downscale
            return tf.TensorSpec([1, part.height // stride, width // stride, made.channels], made.dtype)

        planes = plane_specs(part, 1)
        maps = [] if support is None else [spec(made) for made in support.maps]

        def seen(frame: Any) -> Any:
            return frame_rgb(frame, part, network.multiple, downscale)

        def shown(rgb: Any) -> Any:
            return compiled_rgb_to_planes(rgb, part)

        @function(self._model, [planes, planes, tf.TensorSpec([1], tf.float32), maps], self._computations)
        def fuse(first: Any, second: Any, t: Any, maps: Any) -> Any:
            frame0, frame1 = computation(seen, first), computation(seen, second)
            if support is None:
                rgb = network(frame0, frame1, t, flow_downscale=downscale).unclipped
            else:
                rgb = support.fuse(frame0, frame1, maps, t)
            return computation(shown, rgb)

        with tracing(self._model, self._computations):
            fuse.get_concrete_function()
        return fuse

    def find(self, first: Sequence[Plane], second: Sequence[Plane], t: Times) -> Any:
        if self._find is None:
            return []
        self._compile()
        with tensorflow().device(self._model.device):
            return self._find(list(first), list(second), t)

    def _compile(self) -> None:
        if self._computations is not None:
            self._computations.compile()

    def fuse(self, first: Sequence[Plane], second: Sequence[Plane], t: Times, motion: Any, top: int) -> list[Plane]:
        self._compile()
        with tensorflow().device(self._model.device):
            maps = [
                x[:, top // stride : (top + self._part.height) // stride]
                for x, stride in zip(motion, self._strides, strict=True)
            ]
            return arrays_of(self._fuse(list(first), list(second), t, maps))
