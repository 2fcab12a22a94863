"""Layers that the graphs of both networks are made of: convolutions by their names in the weights file, and the warp.

Numbers are those of the TensorFlow stages (`network.layers`, `network.resample`, `network.warp`), maps have channels
first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from frame_booster.network.onnx_graphs.graph import Array, Graph, Map

Weights = Mapping[str, Array]
"""Float32 arrays by the names of the weights file; kernels are (size, size, channels, filters)."""


class Layers:
    """Adds layers to a graph.

    Args:
      graph: that grows.
      weights: of the network.
      precision: dtype of the convolutions, "float32", "bfloat16" or "float16".
    """

    def __init__(self, graph: Graph, weights: Weights, precision: str) -> None:
        self.graph, self.weights, self.precision = graph, weights, precision

    def convolution(
        self,
        name: str,
        parts: Sequence[Map],
        *,
        stride: int = 1,
        slope: float | None = None,
        shortcut: Map | None = None,
        scales: Sequence[float] | None = None,
        order: Sequence[int] | None = None,
        filters: Sequence[int] | None = None,
        outputs: Sequence[float] | None = None,
    ) -> Map:
        """Convolves with bias, as `network.layers.Convolution` or, where there are slopes, `PReluConvolution`.

        Args:
          name: of the layer in the weights file.
          parts: float maps that are concatenated; channels of the kernel beyond theirs are left out, since they see
            zeros only.
          stride: px; at 2 the zeros stand before the first row and column.
          slope: of a LeakyReLU; None: PReLU by the layer's slopes if it has some, else none.
          shortcut: added before the PReLU.
          scales: factors of the first input channels, folded into the kernel.
          order: for each input channel, which of the kernel's it is; None: in its own order.
          filters: which of the layer's filters are computed, in this order; None: all.
          outputs: a factor for each of them, folded into kernel and bias.

        Returns:
          (B, filters, H / stride, W / stride) in the precision of the convolutions.
        """
        graph, precision = self.graph, self.precision
        kernel, bias = self.weights[f"{name}.kernel"], self.weights[f"{name}.bias"]
        x = graph.concat([graph.cast(part, precision) for part in parts])
        kernel = kernel[:, :, list(range(x.channels) if order is None else order)]
        if filters is not None:
            kernel, bias = kernel[..., list(filters)], bias[list(filters)]
        if scales is not None:
            kernel[:, :, : len(scales)] *= np.asarray(scales, np.float32)[:, None]
        if outputs is not None:
            factors = np.asarray(outputs, np.float32)
            kernel, bias = kernel * factors, bias * factors
        pads = [1, 1, 0, 0] if stride == 2 else None
        y = graph.convolution(x, kernel.transpose(3, 2, 0, 1), bias, stride=stride, pads=pads)
        if shortcut is not None:
            y = graph.add(y, shortcut)
        if slope is not None:
            return graph.each("LeakyRelu", y, alpha=slope)
        slopes = self.weights.get(f"{name}.slopes")
        if slopes is None:
            return y
        return graph.op("PRelu", [y, graph.constant(slopes[:, None, None], precision)], y.shape)

    def residual_block(self, name: str, x: Map) -> Map:
        """Returns the block's two convolutions, as `fbnet_2.residual.ResidualBlock`."""
        return self.convolution(f"{name}.conv2", [self.convolution(f"{name}.conv1", [x])], shortcut=x)

    def doubled(self, x: Map) -> Map:
        """Doubles height and width, bilinear, as `network.resample.doubled`; computed in float32."""
        graph = self.graph
        batch, channels, height, width = x.shape
        larger = graph.op(
            "Resize",
            [graph.cast(x, "float32"), None, graph.constant([1.0, 1.0, 2.0, 2.0])],
            [batch, channels, 2 * height, 2 * width],
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )
        return graph.cast(larger, x.dtype)

    def warped(self, image: Map, flow: Map) -> Map:
        """Samples a map at `x - flow(x)`, bilinear, clamped at the border, as `network.warp.gather_warp`.

        Args:
          image: (B, C, H, W).
          flow: (B, 2, H, W) float32, (dy, dx) in px.

        Returns:
          (B, C, H, W) in the dtype of the map; interpolated in float32.
        """
        graph = self.graph
        height, width = image.sides
        steps = graph.constant(np.array([-2.0 / (width - 1), -2.0 / (height - 1)])[:, None, None])
        across = graph.concat([graph.slice(flow, 1, 2), graph.slice(flow, 0, 1)])
        grid = graph.add(graph.multiply(across, steps), self.pixel_places(height, width))
        return graph.cast(self.sampled(graph.cast(image, "float32"), grid), image.dtype)

    def pixel_places(self, height: int, width: int, *, phases: bool = False) -> Map:
        """Returns the place of each pixel of a map as `sampled` takes it, (1, 2, height, width).

        Expanded from a row and a column, which the runtime does once, so that a file does not hold every pixel.

        Args:
          height, width: of the map, px.
          phases: of each 2x2 pixels, the first, second, third and fourth are maps of their own:
            (1, 8, height / 2, width / 2), x of the four, then y.
        """
        graph = self.graph
        y, x = (np.linspace(-1.0, 1.0, side) for side in (height, width))
        if not phases:
            columns, rows = (x.reshape(1, 1, 1, -1), y.reshape(1, 1, -1, 1))
            shape = [1, 1, height, width]
        else:
            columns = np.stack([x[0::2], x[1::2]] * 2).reshape(1, 4, 1, -1)
            rows = np.stack([y[0::2], y[0::2], y[1::2], y[1::2]]).reshape(1, 4, -1, 1)
            shape = [1, 4, height // 2, width // 2]
        sides = graph.constant(shape, "int64")
        return graph.concat([graph.op("Expand", [graph.constant(each), sides], shape) for each in (columns, rows)])

    def sampled(self, image: Map, grid: Map) -> Map:
        """Samples a map, bilinear, clamped at the border.

        Args:
          image: (B, C, H, W) float32.
          grid: (B, 2, h, w) float32: places (x, y), from -1 at the centre of the first pixel to 1 at that of the last.

        Returns:
          (B, C, h, w) float32.
        """
        graph = self.graph
        shape = [*image.shape[:2], *grid.sides]
        places = graph.transpose(grid, [0, 2, 3, 1])
        return graph.op("GridSample", [image, places], shape, mode="bilinear", padding_mode="border", align_corners=1)
