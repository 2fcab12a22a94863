"""The networks that there are as ONNX graphs, and what the engine asks of each."""

from __future__ import annotations

from frame_booster.errors import ModelError
from frame_booster.network.onnx_graphs.fbnet import FBNetGraph
from frame_booster.network.onnx_graphs.fbnet_2 import FBNet2Graph
from frame_booster.network.onnx_graphs.interface import NetworkGraph

GRAPHS: dict[str, type[NetworkGraph]] = {"fbnet-2": FBNet2Graph, "fbnet": FBNetGraph}
"""By the names of their presets."""


def graph_of(name: str) -> type[NetworkGraph]:
    """Returns the graph of a network.

    Raises:
      ModelError: it has none.
    """
    if name not in GRAPHS:
        raise ModelError(
            f"the ONNX engine does not support the network {name!r}",
            hint=f"use {' or '.join(GRAPHS)}, or --engine tensorflow",
        )
    return GRAPHS[name]
