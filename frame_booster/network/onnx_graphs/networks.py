"""The networks that there are as ONNX graphs, and what the engine asks of each."""

from __future__ import annotations

from typing import ClassVar, Protocol

from frame_booster.errors import ModelError
from frame_booster.network.onnx_graphs.fbnet import FBNetGraph
from frame_booster.network.onnx_graphs.fbnet_2 import FBNet2Graph
from frame_booster.network.onnx_graphs.graph import Graph, Map
from frame_booster.network.onnx_graphs.layers import Weights


class NetworkGraph(Protocol):
    """Adds a network to a graph, whole or in parts; maps have channels first."""

    multiple: ClassVar[int]
    codes_frames: ClassVar[bool]
    strip_stride: ClassVar[int | None]

    def __init__(self, graph: Graph, weights: Weights, precision: str = "float32") -> None: ...

    @staticmethod
    def weight_shapes() -> dict[str, tuple[int, ...]]:
        """Returns the shape of every array of a weights file by its name."""

    def encode(self, frame: Map, downscaled: Map) -> list[Map]:
        """Returns what `decode` needs of frames (B, 3, H, W), and of the same at the scale of the flow."""

    def decode(self, encoded0: list[Map], encoded1: list[Map], t: Map) -> Map:
        """Returns the frame at t (B,) between two encoded ones, not clipped: (B, 3, H, W), or (B, 12, H/2, W/2)."""


GRAPHS: dict[str, type[FBNet2Graph] | type[FBNetGraph]] = {"fbnet-2": FBNet2Graph, "fbnet": FBNetGraph}
"""By the names of their presets."""


def graph_of(name: str) -> type[FBNet2Graph] | type[FBNetGraph]:
    """Returns the graph of a network.

    Raises:
      ModelError: it has none.
    """
    if name not in GRAPHS:
        raise ModelError(
            f"the ONNX engine has no network {name!r}", hint=f"it has {', '.join(GRAPHS)}; or --engine tensorflow"
        )
    return GRAPHS[name]
