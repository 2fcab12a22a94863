"""FBNet-2 as an ONNX graph: the stages of `network.fbnet_2`, which describes and trains them, in the same order.

Scales of flow and mask between what convolutions see and pixels are folded into the kernels that read and write them:
powers of two, which change no bit.
"""

from __future__ import annotations

import numpy as np

from frame_booster.network.fbnet_2.sizes import (
    CHANNELS,
    FINEST,
    HIDDEN,
    MEAN,
    MOTION,
    MOVING_ABOVE,
    RESIDUAL,
    SHARPNESS,
    STILL_BELOW,
    STILL_REACH,
    STRIDE,
    coarser_scales,
    propagation_step,
    tries_surroundings,
)
from frame_booster.network.onnx_graphs.brightness import halved_luma, second_differences_of_phases
from frame_booster.network.onnx_graphs.correlation import correlation_within
from frame_booster.network.onnx_graphs.fit import fitted
from frame_booster.network.onnx_graphs.graph import Map
from frame_booster.network.onnx_graphs.interface import NetworkGraph
from frame_booster.network.onnx_graphs.phases import Phases, grid_matrix
from frame_booster.network.onnx_graphs.propagation import propagated
from frame_booster.network.onnx_graphs.surroundings import fitting_surroundings

KNOWN = MOTION + HIDDEN
"""Channels of what is known on a level: flow to frame 0, flow to frame 1, mask, and what is handed on. One float32 map,
since all of it is enlarged together."""
LEVELS = {"coarse": (96, 128, 3, 4), "sixteenth": (96, 128, 2, 4), "eighth": (64, 80, 3, 2), "quarter": (32, 48, 2, 0)}
"""Of each level of flow estimation: channels of its features and convolutions, residual blocks, reach."""
_SEEN = [0.25] * 4 + [1.0] * (KNOWN - 4)
"""What is known as convolutions see it: a quarter of the flows."""
_CHANGED = [4.0, 4.0, 4.0, 4.0, 1.0]
_ENLARGED = np.array([2.0] * 4 + [1.0] * (KNOWN - 4))
"""Of flows in px, where the size is doubled."""


_OUT = 8
"""Outputs of fusion for each pixel, phase by phase in the weights: flows (dy, dx) twice, mask, RGB."""


class FBNet2Graph(NetworkGraph):
    """Adds stages of FBNet-2 to a graph.

    Args:
      graph: that grows.
      weights: of the network.
      precision: dtype of the convolutions; flows, grids and warps are float32.
    """

    multiple = 16
    codes_frames = True
    strip_stride = FINEST
    known_channels = KNOWN

    @staticmethod
    def weight_shapes() -> dict[str, tuple[int, ...]]:
        """Returns the shape of every array of a weights file by its name."""
        shapes: dict[str, tuple[int, ...]] = {}

        def layer(name: str, channels: int, filters: int, *, slopes: bool = True) -> None:
            shapes[f"{name}.kernel"], shapes[f"{name}.bias"] = (3, 3, channels, filters), (filters,)
            if slopes:
                shapes[f"{name}.slopes"] = (filters,)

        def stage(name: str, channels: int, width: int, blocks: int, outputs: int) -> None:
            # Channels are padded to multiples of 8.
            layer(f"{name}.head", -(-channels // 8) * 8, width)
            for k in range(blocks):
                for half in ("conv1", "conv2"):
                    layer(f"{name}.block{k + 1}.{half}", width, width)
            layer(f"{name}.out", width, outputs, slopes=False)

        layer("pyramid.half", 3, CHANNELS[0])
        for name, coarse, fine in zip(("quarter", "eighth", "sixteenth"), CHANNELS, CHANNELS[1:], strict=False):
            layer(f"pyramid.{name}_down", coarse, fine)
            layer(f"pyramid.{name}", fine, fine)
        for name, (channels, width, blocks, reach) in LEVELS.items():
            correlated = (2 * reach + 1) ** 2 if reach else 0
            stage(name, 2 * channels + KNOWN + 1 + correlated, width, blocks, MOTION)
            layer(f"{name}.hand_on", width, HIDDEN)
        stage("fusion", 24 + KNOWN + 1, 24, 1, 4 * _OUT)
        return shapes

    # Stage 1, the feature pyramid.

    def encode(self, frame: Map, downscaled: Map) -> list[Map]:
        """Returns what `decode` needs of frames: themselves, and features at 1/4, 1/8, 1/16 and coarser scales.

        Args:
          frame: (B, 3, H, W) float32 RGB.
          downscaled: (B, 3, h, w), the same at the scale of the flow.
        """
        return [frame, *self.features(downscaled)]

    def find(self, frame0: Map, frame1: Map, t: Map) -> Map:
        """Returns what is known at 1/4, as `estimate`, of two frames (B, 3, h, w) at the scale of the flow."""
        return self.estimate(self.features(frame0), self.features(frame1), t)

    def features(self, frame: Map) -> list[Map]:
        """Returns the features of frames (B, 3, h, w), as `FeaturePyramid`."""
        graph = self._graph
        coarser = coarser_scales(*frame.sides)
        picture = graph.subtract(frame, MEAN)
        features = self._features(picture)
        for _ in range(coarser):
            halved = graph.pooled(picture, 2, 2)
            sides = (max(-(-side // STRIDE), 2) * STRIDE for side in halved.sides)
            picture = graph.edge_padded(halved, *sides)
            features.append(self._features(picture)[-1])
        return features

    def _features(self, picture: Map) -> list[Map]:
        x, features = self._layers.convolution("pyramid.half", [picture], stride=2), []
        for name in ("quarter", "eighth", "sixteenth"):
            x = self._layers.convolution(f"pyramid.{name}_down", [x], stride=2)
            x = self._layers.convolution(f"pyramid.{name}", [x])
            features.append(x)
        return features

    def decode(self, encoded0: list[Map], encoded1: list[Map], t: Map) -> Map:
        """Returns the interpolated frame between two encoded ones at t (B,), as `fuse` does."""
        return self.fuse(encoded0[0], encoded1[0], self.estimate(encoded0[1:], encoded1[1:], t), t)

    # Stage 2, flow estimation.

    def estimate(self, features0: list[Map], features1: list[Map], t: Map) -> Map:
        """Returns what is known at 1/4, (B, KNOWN, h, w), from features as `encode` returns them and t (B,)."""
        graph = self._graph
        t = graph.reshape(t, [t.shape[0], 1, 1, 1])
        pairs = list(zip(features0, features1, strict=True))
        (quarter, eighth), sixteenths = pairs[:2], pairs[2:]
        known = self._beginning(sixteenths[-1][0], t)
        for k, pair in enumerate(reversed(sixteenths)):
            if k:
                known = graph.cropped(self._enlarged(known), *pair[0].sides)
            known = self._level("coarse", *pair, known, t)
        known = self._level("sixteenth", *sixteenths[0], known, t)
        known = self._enlarged(known)
        tries = tries_surroundings(*(FINEST * side for side in quarter[0].sides))
        if tries:
            known = fitting_surroundings(graph, self._layers, known, *eighth)
        known = self._level("eighth", *eighth, known, t)
        if tries:
            known = fitting_surroundings(graph, self._layers, known, *eighth)
        return self._level("quarter", *quarter, self._enlarged(known), t)

    def _beginning(self, features: Map, t: Map) -> Map:
        graph = self._graph
        odds = graph.each("Log", graph.divide(t, graph.op("Sub", [graph.constant(1.0), t], t.shape)))
        still, handed_on = (
            graph.constant(np.zeros((t.shape[0], channels, *features.sides))) for channels in (4, HIDDEN)
        )
        return graph.concat([still, self._everywhere(odds, features), handed_on])

    def _enlarged(self, known: Map) -> Map:
        graph = self._graph
        return self._layers.doubled(graph.multiply(known, graph.constant(_ENLARGED[: known.channels, None, None])))

    def _level(self, name: str, features0: Map, features1: Map, known: Map, t: Map) -> Map:
        graph, layers = self._graph, self._layers
        _, _, blocks, reach = LEVELS[name]
        motion = graph.slice(known, 0, MOTION)
        flows = graph.split(motion, [2, 2, 1])
        warped = [layers.warped(features, flow) for features, flow in zip((features0, features1), flows, strict=False)]
        seen = [*warped, known, self._everywhere(t, known)]
        channels = 2 * features0.channels
        # The weights have t between the mask and what was handed on.
        order = [*range(channels + MOTION), *range(channels + MOTION + 1, channels + KNOWN + 1), channels + MOTION]
        if reach:
            seen.append(correlation_within(graph, warped[0], warped[1], reach))
            order += range(channels + KNOWN + 1, channels + KNOWN + 1 + seen[-1].channels)
        scales = [1.0] * channels + _SEEN
        x = layers.convolution(f"{name}.head", seen, order=order, scales=scales)
        for k in range(blocks):
            x = layers.residual_block(f"{name}.block{k + 1}", x)
        change, handed_on = (
            graph.cast(made, "float32")
            for made in (
                layers.convolution(f"{name}.out", [x], outputs=_CHANGED),
                layers.convolution(f"{name}.hand_on", [x]),
            )
        )
        return graph.concat([graph.add(motion, change), handed_on])

    def _everywhere(self, value: Map, like: Map) -> Map:
        """Returns a number for each of the batch, (B, 1, 1, 1), as a map (B, 1, h, w)."""
        shape = [value.shape[0], 1, *like.sides]
        return self._graph.op("Expand", [value, self._graph.constant(shape, "int64")], shape)

    # Stage 3, fusion.

    def fuse(self, frame0: Map, frame1: Map, known: Map, t: Map) -> Map:
        """Returns the interpolated frame, not clipped, from what is known at 1/4 of the scale of the flow.

        All is computed at 1/2, where the convolutions are: of each 2x2 pixels, the first, second, third and fourth are
        maps of their own ("phases"). GridSample reads pixels of a frame in any order, so that no map of full size is
        written, and none has its pixels moved to channels and back.

        Args:
          frame0, frame1: (B, 3, H, W) float32 RGB.
          known: as `estimate` returns it.
          t: (B,).

        Returns:
          (B, 12, H/2, W/2) float32: red of the four phases, row by row, then green, then blue.
        """
        graph, layers = self._graph, self._layers
        t = graph.reshape(t, [t.shape[0], 1, 1, 1])
        downscale = 0
        while 4 * known.shape[2] < frame0.shape[2]:
            known = self._enlarged(known)
            downscale += 1
        frames, sides = (frame0, frame1), frame0.sides
        # Cut out where it is small: a few channels of a large map are slow to copy.
        motion, handed_on = graph.split(known, [MOTION, HIDDEN])
        luma = halved_luma(graph, frame0), halved_luma(graph, frame1)
        motion = propagated(graph, layers, *luma, self._enlarged(motion), propagation_step(downscale))
        motion = fitted(graph, layers, *luma, motion, t)
        phases = Phases(graph, motion)
        known = graph.concat([motion, layers.doubled(handed_on)])
        places = layers.pixel_places(*sides, phases=True)
        steps = [phases.of(grid_matrix(k, *sides)) for k in (0, 1)]
        warped = [self._sampled(frame, graph.add(step, places)) for frame, step in zip(frames, steps, strict=True)]
        seen = [*warped, known, self._everywhere(t, known)]
        x = layers.convolution("fusion.head", seen, order=_HEAD_ORDER, scales=[1.0] * 24 + _SEEN)
        x = layers.residual_block("fusion.block1", x)
        # Sixteen filters twice: convolutions are computed in blocks of so many.
        flows, colours = (
            graph.cast(layers.convolution("fusion.out", [x], filters=filters, outputs=factors), "float32")
            for filters, factors in _OUTPUTS
        )
        pixel = graph.constant(np.repeat([-1.0 / (sides[1] - 1) * 2.0, -1.0 / (sides[0] - 1) * 2.0], 4)[:, None, None])
        first, second = (
            graph.add(step, graph.multiply(change, pixel))
            for step, change in zip(steps, graph.split(flows, [8, 8]), strict=True)
        )
        # One linear motion, and brightness sampled by a spline, as `fbnet_2.linear_motion`.
        linear = graph.subtract(second, first)
        grid0 = graph.subtract(places, graph.multiply(linear, t))
        grids = [grid0, graph.add(grid0, linear)]
        mask, residual = graph.split(colours, [4, 12])
        share = graph.each("Sigmoid", graph.add(phases.of(np.eye(MOTION)[4:]), mask))
        warped0, warped1 = (self._sampled(frame, grid) for frame, grid in zip(frames, grids, strict=True))
        blend = graph.add(warped0, self._times(graph.subtract(warped1, warped0), share))
        # Along an axis of their own, so that one map stands for three colours.
        detail = graph.reshape(self._detail(blend, grids, share, sides), [blend.shape[0], 1, 4, *blend.sides])
        colours = graph.reshape(graph.add(blend, residual), [blend.shape[0], 3, 4, *blend.sides])
        made = graph.reshape(graph.add(colours, detail), blend.shape)
        return self._held_still(frame0, frame1, made, t)

    # Stage 4, stillness.

    def _held_still(self, frame0: Map, frame1: Map, made: Map, t: Map) -> Map:
        """Replaces what stands still by a blend of both frames, as `fbnet_2.stillness.held_still`; in phases."""
        graph = self._graph
        batch, _, height, width = frame0.shape
        step = graph.subtract(frame1, frame0)
        half = [batch, 1, height // 2, width // 2]
        change = graph.op("ReduceMax", [graph.each("Abs", step)], [batch, 1, height, width], axes=[1], keepdims=1)
        change = graph.op("MaxPool", [change], half, kernel_shape=[2, 2], strides=[2, 2])
        edge = STILL_REACH // 2
        change = graph.op("MaxPool", [change], half, kernel_shape=[STILL_REACH, 1], pads=[edge, 0, edge, 0])
        change = graph.op("MaxPool", [change], half, kernel_shape=[1, STILL_REACH], pads=[0, edge, 0, edge])
        slope = -1.0 / (MOVING_ABOVE - STILL_BELOW)
        still = graph.add(graph.multiply(change, slope), -slope * MOVING_ABOVE)
        still = graph.op("Clip", [still, graph.constant(0.0), graph.constant(1.0)], half)
        plain = graph.reshape(graph.add(frame0, graph.multiply(step, t)), [batch, 3, height // 2, 2, width // 2, 2])
        plain = graph.reshape(graph.transpose(plain, [0, 1, 3, 5, 2, 4]), made.shape)
        return graph.add(made, graph.multiply(graph.subtract(plain, made), still))

    def _sampled(self, frame: Map, grid: Map) -> Map:
        """Samples maps (B, C, H, W) at the places (B, 2 * 4, H/2, W/2): x of the four phases, then y."""
        graph = self._graph
        batch, _, height, width = grid.shape
        rows = graph.reshape(grid, [batch, 2, 4 * height, width])
        made = self._layers.sampled(frame, rows)
        return graph.reshape(made, [batch, 4 * frame.channels, height, width])

    def _detail(self, blend: Map, grids: list[Map], share: Map, sides: tuple[int, int]) -> Map:
        """Returns what sampling by a spline adds to the brightness of a blend, (B, 4, H/2, W/2)."""
        graph = self._graph
        halves = graph.constant(np.repeat([(sides[1] - 1) / 2.0, (sides[0] - 1) / 2.0], 4)[:, None, None])
        bent = []
        for grid in grids:
            inside = graph.op("Clip", [grid, graph.constant(-1.0), graph.constant(1.0)], grid.shape)
            places = graph.multiply(graph.add(inside, 1.0), halves)
            fraction = graph.subtract(places, graph.each("Floor", places))
            bent.append(graph.subtract(graph.multiply(fraction, fraction), fraction))
        both = graph.add(bent[0], graph.multiply(graph.subtract(bent[1], bent[0]), graph.concat([share, share])))
        products = graph.multiply(both, graph.multiply(second_differences_of_phases(graph, blend), SHARPNESS))
        return graph.add(graph.slice(products, 0, 4), graph.slice(products, 4, 8))

    def _times(self, colours: Map, share: Map) -> Map:
        graph, (batch, _, height, width) = self._graph, colours.shape
        apart = graph.reshape(colours, [batch, 3, 4, height, width])
        return graph.reshape(graph.multiply(apart, graph.reshape(share, [batch, 1, 4, height, width])), colours.shape)


_WARPED = [frame * 12 + phase * 3 + colour for frame in (0, 1) for colour in range(3) for phase in range(4)]
_HEAD_ORDER = [*_WARPED, *range(24, 24 + MOTION), *range(25 + MOTION, 25 + KNOWN), 24 + MOTION]
"""Input channels of fusion's first convolution: in the weights phase by phase, with t between mask and what was handed
on; here colour by colour, and t last."""
_OUTPUTS = (
    ([phase * _OUT + 2 * frame + axis for frame in (0, 1) for axis in (1, 0) for phase in range(4)], [2.0] * 16),
    ([phase * _OUT + channel for channel in (4, 5, 6, 7) for phase in range(4)], [2.0] * 4 + [0.1 * RESIDUAL] * 12),
)
"""Filters and factors of the changes of both flows (x of all phases, then y), and of the mask and the residual."""
