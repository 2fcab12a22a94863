"""What the engine asks of a network, whichever it is.

The engine names no class of a network and looks for no method of one: what only some networks can do is declared here
as a capability that is None where there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from frame_booster.network.layers import Tensor
    from frame_booster.network.prediction import Prediction


class FrameCoding(Protocol):
    """Interpolation in two steps, the first of one frame alone: a frame of two pairs is then encoded once."""

    def encode(self, frame: Tensor, flow_downscale: int = 0, downscaled: Tensor | None = None) -> Any:
        """Encodes frames; arguments as `frames` of `Network.between`.

        Returns:
          Tensors in nested tuples and lists, each with the batch first, that `decode` takes.
        """

    def decode(self, encoded0: Any, encoded1: Any, t: Tensor | None = None) -> Prediction:
        """Predicts the frame between two encoded ones; `t` as in `Network.__call__`."""


@dataclass(frozen=True)
class MotionMap:
    """Shape and dtype of a map that `StripSupport.find` returns: (B, h / stride, w / stride, channels)."""

    channels: int
    stride: int
    """Height and width of the frames that motion is estimated on over those of the map."""
    dtype: str


@dataclass(frozen=True)
class StripSupport:
    """Interpolation in two steps, the second of which needs a few rows around each pixel only.

    A large frame is then made in strips of rows: motion is estimated once, on the whole frame at the scale of the
    flow; what needs memory in proportion to the frame at full size runs strip by strip.
    """

    find: Callable[[Tensor, Tensor, Tensor], list[Tensor]]
    """Estimates motion: two whole frames (B, h, w, 3) float32 at the scale of the flow, and t (B,) float32, to one map
    for each of `maps`."""
    fuse: Callable[[Tensor, Tensor, list[Tensor], Tensor], Tensor]
    """Interpolates: strips of both frames (B, H, W, 3) float32 at full size, the same rows of the maps, and t (B,), to
    RGB (B, H, W, 3) float32, not clipped."""
    maps: tuple[MotionMap, ...]
    """What `find` returns."""


class Network(Protocol):
    """A frame interpolation network: RGB of two frames in, RGB of a frame between them out.

    Frames are float32 RGB, nominally in [0, 1], channels last. A class is a network by having these members; most are
    a `network.layers.Stage`.
    """

    network_name: str
    """The name in its preset and in its weights files."""
    multiple: int
    """Height and width of the frames must be multiples of this times 2**flow_downscale, and at least twice that, px."""
    any_timestep: bool
    """Whether t other than 1/2 can be asked for; if not, the engine gets there by recursive midpoints."""
    max_flow_downscale: int
    """The largest flow_downscale that it takes; 0 where motion is estimated at full size only."""
    precision: str
    """Dtype of the convolutions: "float32", "bfloat16" or "float16"."""

    def parts(self) -> list[Any]:
        """Returns the direct sub-layers, in the order in which their weights are listed; their names name weights."""

    @property
    def frame_coding(self) -> FrameCoding | None:
        """Encoding of single frames; None where the network sees both frames from its first layer on."""

    @property
    def strips(self) -> StripSupport | None:
        """Interpolation in strips; None: a strip is interpolated as if it were a frame of its own."""

    def __call__(
        self, frame0: Tensor, frame1: Tensor, t: Tensor | None = None, *, flow_downscale: int = 0
    ) -> Prediction:
        """Predicts the frame at time t.

        Args:
          frame0, frame1: (B, H, W, 3) float32 RGB.
          t: (B,) float32 in (0, 1), 0 being frame 0; None is 1/2.
          flow_downscale: log2 of the factor by which frames are downscaled before motion is estimated, from 0 (not
            at all) to `max_flow_downscale`. By its name only: Keras 3 takes nothing but tensors by position.
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
          first, second: (B,) int32, or float32 where the graph is made of computations, indices into `frames`.
          t: (B,) float32 in (0, 1).
          flow_downscale: as in `__call__`.
          downscaled: (F, H / 2**flow_downscale, W / 2**flow_downscale, 3), the frames downscaled by area averaging,
            where the caller has them; None: the network does it.
        """
