"""What the engine asks of a network as a graph, whichever it is; maps have channels first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from frame_booster.network.onnx_graphs.graph import Graph, Map
from frame_booster.network.onnx_graphs.layers import Layers, Weights


class NetworkGraph(ABC):
    """Adds a network to a graph, whole or in parts.

    Args:
      graph: that grows.
      weights: of the network.
      precision: dtype of the convolutions; flows, grids and warps are float32.
    """

    multiple: ClassVar[int]
    """As `Network.multiple`."""
    codes_frames: ClassVar[bool]
    """Whether a frame is encoded without the other."""
    strip_stride: ClassVar[int | None] = None
    """Sides of the frames that motion is estimated on over those of what `find` returns; None where a strip is
    interpolated as if it were a frame of its own, and there is no `find` and no `fuse`."""
    known_channels: ClassVar[int] = 0
    """Channels of what `find` returns."""

    def __init_subclass__(cls, **named: Any) -> None:
        """Refuses a network that has strips and not both of their parts, which only a large frame would find out."""
        super().__init_subclass__(**named)
        has = cls.find is not NetworkGraph.find and cls.fuse is not NetworkGraph.fuse
        if cls.strip_stride is not None and not has:
            raise TypeError(f"{cls.__name__} has strips (`strip_stride`), and so must have `find` and `fuse`")

    def __init__(self, graph: Graph, weights: Weights, precision: str = "float32") -> None:
        self._graph, self._layers = graph, Layers(graph, weights, precision)

    @staticmethod
    @abstractmethod
    def weight_shapes() -> dict[str, tuple[int, ...]]:
        """Returns the shape of every array of a weights file by its name."""

    @abstractmethod
    def encode(self, frame: Map, downscaled: Map) -> list[Map]:
        """Returns what `decode` needs of frames.

        Args:
          frame: (B, 3, H, W) float32 RGB.
          downscaled: (B, 3, h, w), the same at the scale of the flow.
        """

    @abstractmethod
    def decode(self, encoded0: list[Map], encoded1: list[Map], t: Map) -> Map:
        """Returns the frame at t (B,) between two encoded ones, not clipped: (B, 3, H, W), or its phases, (B, 12, H/2,
        W/2), as `Graph.merged_phases` takes them."""

    def find(self, frame0: Map, frame1: Map, t: Map) -> Map:
        """Returns the motion at t between two whole frames (B, 3, h, w) at the scale of the flow."""
        raise NotImplementedError

    def fuse(self, frame0: Map, frame1: Map, known: Map, t: Map) -> Map:
        """Returns the frame, as `decode`, of strips (B, 3, H, W) and the same rows of what `find` returned."""
        raise NotImplementedError
