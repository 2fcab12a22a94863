"""The interface between engines and networks.

Engines depend on this interface only, not on a network's class. What only some networks can do is declared here as a
capability that is None for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from frame_booster.network.layers import Tensor
    from frame_booster.network.prediction import Prediction


class FrameCoding(Protocol):
    """Interpolation in two steps, encoding and decoding, so that a frame that belongs to two pairs is encoded once."""

    def encode(self, frame: Tensor, flow_downscale: int = 0, downscaled: Tensor | None = None) -> Any:
        """Encodes frames; arguments as `frames` of `Network.between`.

        Returns:
          Input of `decode`: tensors in nested tuples and lists, each with the batch first.
        """

    def decode(self, encoded0: Any, encoded1: Any, t: Tensor | None = None) -> Prediction:
        """Predicts the frame between two encoded frames; `t` as in `Network.__call__`."""


@dataclass(frozen=True)
class MotionMap:
    """Shape and dtype of a map that `StripSupport.find` returns: (B, h / stride, w / stride, channels)."""

    channels: int
    stride: int
    """Size of the frames on which motion is estimated, divided by that of the map."""
    dtype: str


@dataclass(frozen=True)
class StripSupport:
    """Interpolation in two steps, of which the second needs only a few rows around each pixel.

    Large frames are interpolated in strips of rows: motion is estimated once, on the whole frame at the scale of the
    flow; the step whose memory grows with the full frame size runs strip by strip.
    """

    find: Callable[[Tensor, Tensor, Tensor], list[Tensor]]
    """Estimates motion: from two whole frames (B, h, w, 3) float32 at the scale of the flow, and t (B,) float32, to one
    map for each of `maps`."""
    fuse: Callable[[Tensor, Tensor, list[Tensor], Tensor], Tensor]
    """Interpolates: from strips of both frames (B, H, W, 3) float32 at full size, the same rows of the maps, and t
    (B,), to RGB (B, H, W, 3) float32, not clipped."""
    maps: tuple[MotionMap, ...]
    """Shapes and dtypes of the maps that `find` returns."""


class Network(Protocol):
    """A frame interpolation network: RGB of two frames in, RGB of a frame between them out.

    Frames are float32 RGB, nominally in [0, 1], channels last. Any class with these members is a network; most are a
    `network.layers.Stage`.
    """

    network_name: str
    """Name of the network in its preset and in its weights files."""
    multiple: int
    """Height and width of the frames must be multiples of this times 2**flow_downscale, and at least twice that, px."""
    any_timestep: bool
    """Whether t can be other than 1/2; if not, the engine reaches other times by recursive midpoints."""
    max_flow_downscale: int
    """Largest flow_downscale; 0 if motion is estimated at full size only."""
    precision: str
    """Dtype of the convolutions: "float32", "bfloat16" or "float16"."""

    def parts(self) -> list[Any]:
        """Returns the direct sub-layers in the order of their weights; their names are prefixes of weight names."""

    @property
    def frame_coding(self) -> FrameCoding | None:
        """Encoding of single frames; None if the first layer of the network sees both frames."""

    @property
    def strips(self) -> StripSupport | None:
        """Interpolation in strips; None: a strip is interpolated like a frame."""

    def __call__(
        self, frame0: Tensor, frame1: Tensor, t: Tensor | None = None, *, flow_downscale: int = 0
    ) -> Prediction:
        """Predicts the frame at time t.

        Args:
          frame0, frame1: (B, H, W, 3) float32 RGB.
          t: (B,) float32 in (0, 1), 0 being frame 0; None is 1/2.
          flow_downscale: log2 of the factor by which frames are downscaled before motion is estimated, from 0 to
            `max_flow_downscale`. Keyword only: Keras 3 allows only tensors as positional arguments.
        """

    def between(
        self,
        frames: Tensor,
        first: Tensor,
        second: Tensor,
        t: Tensor,
        flow_downscale: int = 0,
        downscaled: Tensor | None = None,
    ) -> Prediction:
        """Predicts one frame for each of B pairs out of F frames.

        Args:
          frames: (F, H, W, 3) float32 RGB.
          first, second: (B,) indices into `frames`, int32, or float32 if the graph consists of computations.
          t: (B,) float32 in (0, 1).
          flow_downscale: as in `__call__`.
          downscaled: (F, H / 2**flow_downscale, W / 2**flow_downscale, 3), the frames downscaled by area averaging, if
            the caller has them; None: the network downscales them.
        """
