"""The interface of engines: a network with its weights on a device, and the functions that run it.

Both engines implement it, TensorFlow (`engine.model`) and ONNX Runtime (`engine.onnx.model`), and the same tests run on
both. Everything else (batches, order, memory, strips, alpha, recursive midpoints) is done once for both, on NumPy
arrays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from frame_booster.network.presets import Preset
from frame_booster.pixels import PixelLayout, Plane, Planes

if TYPE_CHECKING:
    from frame_booster.engine.memory_plan import Plan

Times = npt.NDArray[np.float32]
"""Times, (B,), each in (0, 1)."""
Indices = npt.NDArray[np.int32]
"""Indices into the frames of a call, (B,)."""
Pictures = npt.NDArray[np.float32]
"""Images, (B, H, W, 3) RGB in [0, 1]."""
PictureFunction = Callable[[Pictures, Pictures, float], Pictures]
"""Function of frames 0 and 1 and a time in (0, 1) to the frames between them."""


class NetworkFacts(Protocol):
    """Facts about a network that are known without running it; a subset of `network.interface.Network`."""

    multiple: int
    any_timestep: bool
    max_flow_downscale: int


class FlowScaled(Protocol):
    """The facts that determine the flow scales of a network."""

    @property
    def max_flow_downscale(self) -> int:
        """See `Network.max_flow_downscale`."""


class PlannedNetwork(Protocol):
    """The facts for a memory plan, about a loaded or an expected network (`engine.expected`)."""

    @property
    def name(self) -> str:
        """Of the network."""

    @property
    def preset(self) -> Preset:
        """Preset of the network."""

    @property
    def network(self) -> FlowScaled:
        """Flow scales of the network."""

    @property
    def device(self) -> str:
        """TensorFlow's name of its device."""

    @property
    def precision(self) -> str:
        """Dtype of the convolutions."""

    @property
    def base_bytes(self) -> int:
        """See `LoadedNetwork.base_bytes`."""

    @property
    def device_room(self) -> int | None:
        """See `LoadedNetwork.device_room`."""


class BatchFunction(ABC):
    """Interpolates batches of pairs, for one layout and one batch size."""

    @abstractmethod
    def __call__(self, frames: Sequence[Planes], first: Indices, second: Indices, t: Times) -> list[Plane]:
        """Interpolates a batch.

        Args:
          frames: B + 1 frames; alpha is ignored.
          first, second: frames of each pair.
          t: time of each pair.

        Returns:
          The planes of colour, (B, h, w) each.
        """

    def warm_up(self) -> None:
        """Compiles everything for which the first call would wait; can raise the errors of a call.

        Does nothing in engines that have compiled already.
        """
        return None


class StreamFunctions(ABC):
    """Interpolates one pair at a time from frames that are encoded once each, for one layout."""

    @abstractmethod
    def encode(self, frame: Planes) -> Any:
        """Encodes a frame; the result stays on the device."""

    @abstractmethod
    def decode(self, first: Any, second: Any, t: Times) -> list[Plane]:
        """Interpolates between two encoded frames at t (1,); returns planes of colour, (1, h, w) each."""


class StripFunctions(ABC):
    """Interpolates strips of rows of a frame, for one layout and one number of rows."""

    @abstractmethod
    def find(self, first: Sequence[Plane], second: Sequence[Plane], t: Times) -> Any:
        """Estimates motion between two whole frames, planes (1, h, w); None if each strip estimates its own."""

    @abstractmethod
    def fuse(self, first: Sequence[Plane], second: Sequence[Plane], t: Times, motion: Any, top: int) -> list[Plane]:
        """Interpolates a strip.

        Args:
          first, second: planes (1, rows, w) of the strip.
          t: (1,).
          motion: motion of the whole frames, from `find`.
          top: first row of the strip, px.

        Returns:
          Planes of colour of the strip, (1, rows, w) each.
        """


class LoadedNetwork(ABC):
    """A network, loaded once on a device for any number of files; can be called from several threads."""

    engine: ClassVar[str]
    """Name of the engine, a value of `--engine`."""
    base_bytes: ClassVar[int]
    """Memory of a process before its first frame: libraries of the engine, weights, encoder."""
    name: str
    """Of the network."""
    preset: Preset
    network: NetworkFacts
    device: str
    """"/CPU:0", "/GPU:0" or "/GPU:1"; TensorFlow's names stand for both engines."""
    provider: str | None
    """Execution provider of the ONNX engine; None for TensorFlow."""
    precision: str
    """Dtype of the convolutions."""
    weights: Path
    """File of the weights."""
    peers: tuple[LoadedNetwork, ...]
    """The same network on further devices, which share the work of a file."""
    as_computations: bool = False
    """Whether functions are compiled by XLA as a whole, which makes them fast and takes seconds for each size."""
    device_room: int | None = None
    """GPU memory that the network may use, bytes; None if unknown."""

    @abstractmethod
    def frames_at_once(self) -> int:
        """Returns how many batches to interpolate in parallel if memory allows."""

    @abstractmethod
    def batch(self, layout: PixelLayout, plan: Plan) -> BatchFunction:
        """Returns the interpolation of `plan.batch_size` pairs per call."""

    @abstractmethod
    def stream(self, layout: PixelLayout, plan: Plan) -> StreamFunctions | None:
        """Returns the interpolation of encoded frames; None if the network cannot encode single frames."""

    @abstractmethod
    def strips(self, layout: PixelLayout, part: PixelLayout, plan: Plan) -> StripFunctions:
        """Returns the interpolation of strips.

        Args:
          layout: layout of whole frames.
          part: layout of a strip.
          plan: plan with more than one strip.
        """

    @abstractmethod
    def pictures(self, shape: tuple[int, int, int, int], top: float, flow_downscale: int) -> PictureFunction:
        """Returns the interpolation of images of one shape (B, H, W, 3).

        Args:
          shape: shape of the images.
          top: code value that 1.0 represents; 1.0 for images that were floating point.
          flow_downscale: see `Plan.flow_downscale`.
        """

    @abstractmethod
    def is_out_of_memory(self, error: Exception) -> bool:
        """Tells whether an error means that the device has too little memory for the plan."""
