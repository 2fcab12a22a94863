"""Graphs from planes to planes: conversion of colour, network and conversion back, for one layout each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from frame_booster.engine.code_values import padded
from frame_booster.engine.onnx.colour import phases_to_planes, planes_to_rgb, rgb_to_planes
from frame_booster.network.onnx_graphs.graph import Graph, Map
from frame_booster.network.onnx_graphs.interface import NetworkGraph
from frame_booster.network.onnx_graphs.layers import Weights
from frame_booster.network.onnx_graphs.networks import graph_of
from frame_booster.pixels import PixelLayout


class Builder:
    """Builds the graphs of a network; each method returns an ONNX file.

    Inputs and outputs are called by what they are and a number: `plane0`, `first1`, `made0`.

    Args:
      name: of the network.
      weights: float32 arrays by name.
      precision: dtype of the convolutions.
    """

    def __init__(self, name: str, weights: Weights, precision: str) -> None:
        self._name, self._weights, self._precision = name, weights, precision
        self._network = graph_of(name)

    def batch(self, layout: PixelLayout, pairs: int, downscale: int) -> bytes:
        """From planes of `pairs` + 1 frames, and which of them each pair is of, to planes."""
        graph = Graph(f"{self._name} batch")
        network = self._network(graph, self._weights, self._precision)
        encoded = self._encoded(graph, network, self._planes(graph, "plane", layout, pairs + 1), layout, downscale)
        indices = [graph.input(which, [pairs], "int32") for which in ("first", "second")]
        chosen = [[graph.take(x, index, 0) for x in encoded] for index in indices]
        made = network.decode(chosen[0], chosen[1], graph.input("t", [pairs]))
        return self._finished(graph, made, layout)

    def encode(self, layout: PixelLayout, downscale: int) -> bytes:
        """From the planes of a frame to the frame encoded."""
        graph = Graph(f"{self._name} encode")
        network = self._network(graph, self._weights, self._precision)
        planes = self._planes(graph, "plane", layout, 1)
        for k, each in enumerate(self._encoded(graph, network, planes, layout, downscale)):
            graph.output(each, f"encoded{k}")
        return graph.model()

    def decode(self, layout: PixelLayout, downscale: int) -> bytes:
        """From two encoded frames to planes."""
        # What encoding gives is known only by building it.
        there = Graph("encode")
        network = self._network(there, self._weights, self._precision)
        encoded = self._encoded(there, network, self._planes(there, "plane", layout, 1), layout, downscale)
        graph = Graph(f"{self._name} decode")
        first, second = (
            [graph.input(f"{which}{k}", x.shape, x.dtype) for k, x in enumerate(encoded)]
            for which in ("first", "second")
        )
        made = self._network(graph, self._weights, self._precision).decode(first, second, graph.input("t", [1]))
        return self._finished(graph, made, layout)

    def find(self, layout: PixelLayout, downscale: int) -> bytes:
        """From planes of two whole frames to the motion between them."""
        graph = Graph(f"{self._name} find")
        network = self._network(graph, self._weights, self._precision)
        first, second = (
            planes_to_rgb(graph, self._planes(graph, which, layout, 1), layout, network.multiple, downscale)
            for which in ("first", "second")
        )
        graph.output(network.find(first, second, graph.input("t", [1])), "known")
        return graph.model()

    def fuse(self, part: PixelLayout, downscale: int) -> bytes:
        """From planes of a strip of two frames, and its motion where the network has strips, to planes of the strip."""
        graph = Graph(f"{self._name} fuse")
        network = self._network(graph, self._weights, self._precision)
        planes = [self._planes(graph, which, part, 1) for which in ("first", "second")]
        t = graph.input("t", [1])
        if network.strip_stride is not None:
            frames = [planes_to_rgb(graph, each, part, network.multiple << downscale) for each in planes]
            stride = network.strip_stride << downscale
            sides = [side // stride for side in frames[0].sides]
            known = graph.input("known", [1, network.known_channels, *sides])
            return self._finished(graph, network.fuse(frames[0], frames[1], known, t), part)
        encoded = [self._encoded(graph, network, each, part, downscale) for each in planes]
        return self._finished(graph, network.decode(encoded[0], encoded[1], t), part)

    def pictures(self, shape: tuple[int, int, int, int], top: float, downscale: int) -> bytes:
        """From two pictures (B, H, W, 3) float32 RGB in [0, 1] to the one between them, as `encode_pictures`."""
        graph = Graph(f"{self._name} pictures")
        network = self._network(graph, self._weights, self._precision)
        batch, height, width, _ = shape
        block = 1 << downscale

        def encoded(name: str) -> list[Map]:
            rgb = graph.transpose(graph.input(name, shape), [0, 3, 1, 2])
            multiple = network.multiple << downscale
            frame = graph.edge_padded(rgb, padded(height, multiple), padded(width, multiple))
            if not downscale:
                return network.encode(frame, frame)
            codes = graph.each("Round", graph.multiply(frame, top)) if top != 1.0 else frame
            small = graph.multiply(graph.pooled(codes, block, block), float(np.float32(1.0 / top)))
            return network.encode(frame, small)

        pair = [encoded(name) for name in ("first", "second")]
        made = network.decode(pair[0], pair[1], graph.input("t", [batch]))
        if made.channels != 3:
            made = graph.merged_phases(made)
        made = graph.op("Clip", [made, graph.constant(0.0), graph.constant(1.0)], made.shape)
        graph.output(graph.transpose(graph.cropped(made, height, width), [0, 2, 3, 1]), "made0")
        return graph.model()

    def _planes(self, graph: Graph, name: str, layout: PixelLayout, frames: int) -> list[Map]:
        dtype = np.dtype(layout.dtype).name
        shapes = layout.plane_shapes[: 1 if layout.kind == "gray" else 3]
        return [graph.input(f"{name}{k}", [frames, *sides], dtype) for k, sides in enumerate(shapes)]

    def _encoded(
        self, graph: Graph, network: NetworkGraph, planes: Sequence[Map], layout: PixelLayout, downscale: int
    ) -> list[Map]:
        frame = planes_to_rgb(graph, planes, layout, network.multiple << downscale)
        small = planes_to_rgb(graph, planes, layout, network.multiple, downscale) if downscale else frame
        return network.encode(frame, small)

    def _finished(self, graph: Graph, made: Map, layout: PixelLayout) -> bytes:
        convert = rgb_to_planes if made.channels == 3 else phases_to_planes
        for k, plane in enumerate(convert(graph, made, layout)):
            graph.output(plane, f"made{k}")
        return graph.model()
