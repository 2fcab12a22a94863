"""FBNet as an ONNX graph: the stages of `network.fbnet`, which describes and trains them, in the same order."""

from __future__ import annotations

import numpy as np

from frame_booster.network.onnx_graphs.graph import Array, Map
from frame_booster.network.onnx_graphs.interface import NetworkGraph

SLOPE = 0.2
"""Of the LeakyReLU."""
CHANNELS = (16, 48, 112, 112)
"""Feature channels of levels 1 (full resolution) to 4 (1/8), as `fbnet.feature_pyramid.CHANNELS`."""
_PYRAMID = {"conv16": (3, 16), "conv32": (16, 32), "conv64": (32, 64)}
_CHANGE = {"conv1": 48, "conv2": 80, "conv3": 80, "conv4": 32, "conv5": 2}
"""Filters of the convolutions that return a change of the flow; the first two are 3x3, the others 1x1."""


class FBNetGraph(NetworkGraph):
    """Adds stages of FBNet to a graph.

    Args:
      graph: that grows.
      weights: of the network.
      precision: dtype of the convolutions; flows, grids and warps are float32.
    """

    multiple = 8
    codes_frames = False

    @staticmethod
    def weight_shapes() -> dict[str, tuple[int, ...]]:
        """Returns the shape of every array of a weights file by its name."""
        shapes: dict[str, tuple[int, ...]] = {}

        def layer(name: str, channels: int, filters: int, size: int = 3) -> None:
            shapes[f"{name}.kernel"], shapes[f"{name}.bias"] = (size, size, channels, filters), (filters,)

        for which in ("extract_first", "extract_second"):
            for name, (channels, filters) in _PYRAMID.items():
                layer(f"{which}.{name}", channels, filters)
        for level, features in enumerate(CHANNELS, 1):
            for direction in ("first_to_second", "second_to_first"):
                channels = 2 * features
                for name, filters in _CHANGE.items():
                    layer(f"flow_level{level}.{direction}.{name}", channels, filters, _size(name))
                    channels = filters
        for level in (4, 3, 2):
            wide, narrow = CHANNELS[level - 1], CHANNELS[level - 2]
            layer(f"fusion.level{level}_conv1", wide, narrow)
            layer(f"fusion.level{level}_conv2", narrow, narrow)
        layer("fusion.to_rgb", CHANNELS[0], 3, 1)
        return shapes

    def encode(self, frame: Map, downscaled: Map) -> list[Map]:
        """Returns what `decode` needs of frames: themselves."""
        return [frame]

    def decode(self, encoded0: list[Map], encoded1: list[Map], t: Map) -> Map:
        """Returns the middle frame (B, 3, H, W), not clipped, of two frames (B, 3, H, W); `t` is not used."""
        graph, layers = self._graph, self._layers
        features = [
            self._pyramid(f"extract_{which}", encoded[0])
            for which, encoded in (("first", encoded0), ("second", encoded1))
        ]
        flows: list[Map] = []
        fused = None
        for level in (4, 3, 2, 1):
            one, two = (each[level - 1] for each in features)
            if flows:
                flows = [self._enlarged(flow) for flow in flows]
            else:
                flows = [graph.constant(np.zeros((one.shape[0], 2, *one.sides)))] * 2
            flows = [
                graph.add(flow, self._change(f"flow_level{level}.{name}", target, layers.warped(source, flow)))
                for name, target, source, flow in zip(
                    ("first_to_second", "second_to_first"), (two, one), (one, two), flows, strict=True
                )
            ]
            warped = graph.add(layers.warped(one, flows[0]), layers.warped(two, flows[1]))
            fused = warped if fused is None else graph.add(layers.doubled(fused), warped)
            if level > 1:
                for half in (1, 2):
                    fused = layers.convolution(f"fusion.level{level}_conv{half}", [fused], slope=SLOPE)
        assert fused is not None
        return graph.cast(layers.convolution("fusion.to_rgb", [fused]), "float32")

    def _pyramid(self, name: str, frame: Map) -> list[Map]:
        graph = self._graph
        frames = [frame]
        for _ in range(3):
            frames.append(graph.pooled(frames[-1], 2, 2))

        def extracted(layer: str, maps: list[Map]) -> list[Map]:
            return [self._layers.convolution(f"{name}.{layer}", [x], slope=SLOPE) for x in maps]

        first = extracted("conv16", frames)
        second = extracted("conv32", [graph.pooled(x, 2, 2) for x in first[:3]])
        third = extracted("conv64", [graph.pooled(x, 2, 2) for x in second[:2]])
        return [
            first[0],
            graph.concat([first[1], second[0]]),
            graph.concat([first[2], second[1], third[0]]),
            graph.concat([first[3], second[2], third[1]]),
        ]

    def _change(self, name: str, target: Map, warped: Map) -> Map:
        parts = [target, warped]
        for layer in _CHANGE:
            slope = None if layer == "conv5" else SLOPE
            parts = [self._layers.convolution(f"{name}.{layer}", parts, slope=slope)]
        return self._graph.cast(parts[0], "float32")

    def _enlarged(self, flow: Map) -> Map:
        """Doubles a flow's size (bicubic), its values left as they are, as `fbnet.flow.upsample_flow`.

        Rows and columns by a product with a matrix each: providers differ in what Resize does at the border.
        """
        graph = self._graph
        batch, channels, height, width = flow.shape
        rows, columns = graph.constant(doubling_matrix(height)), graph.constant(doubling_matrix(width).T)
        wide = graph.op("MatMul", [flow, columns], [batch, channels, height, 2 * width])
        return graph.op("MatMul", [rows, wide], [batch, channels, 2 * height, 2 * width], "float32")


def _size(name: str) -> int:
    return 3 if name in ("conv1", "conv2") else 1


def doubling_matrix(size: int) -> Array:
    """Returns the matrix (2 size, size) that doubles a row of pixels, bicubic.

    Keys' cubic with a = -0.5 (R. Keys, 1981) at the centres of the pixels; what would be outside has no weight, and
    the rest is brought to a sum of 1, as `tf.image.resize` does it.
    """
    places = (np.arange(2 * size) + 0.5) / 2.0 - 0.5
    distance = np.abs(places[:, None] - np.arange(size)[None])
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1.0
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4.0 * distance + 2.0
    matrix = np.where(distance <= 1.0, near, np.where(distance < 2.0, far, 0.0))
    return matrix / matrix.sum(1, keepdims=True)
