"""What the pipeline asks of an engine: a network with its weights on a device, and the functions that run it.

Two engines keep it, TensorFlow (`engine.model`) and ONNX Runtime (`engine.onnx.model`); a test holds both to it. All
else, which frames are computed together and in which order, how much memory that may take, strips, alpha, recursive
midpoints, is done once for both, on NumPy arrays.
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
"""(B,), each in (0, 1)."""
Indices = npt.NDArray[np.int32]
"""(B,), into the frames of a call."""
Pictures = npt.NDArray[np.float32]
"""(B, H, W, 3) RGB in [0, 1]."""
PictureFunction = Callable[[Pictures, Pictures, float], Pictures]
"""Takes frames 0 and 1 and a time in (0, 1), returns the frames between them."""


class NetworkFacts(Protocol):
    """What is asked of a network without running it; `network.interface.Network` has them all."""

    multiple: int
    any_timestep: bool
    max_flow_downscale: int


class FlowScaled(Protocol):
    """What is asked of a network to tell at which scales it estimates flow."""

    @property
    def max_flow_downscale(self) -> int:
        """As `Network.max_flow_downscale`."""


class PlannedNetwork(Protocol):
    """What is asked of a network to plan how much is computed at once: loaded, or expected (`engine.expected`)."""

    @property
    def name(self) -> str:
        """Of the network."""

    @property
    def preset(self) -> Preset:
        """All that is known of it."""

    @property
    def network(self) -> FlowScaled:
        """At which scales it estimates flow."""

    @property
    def device(self) -> str:
        """TensorFlow's name of its device."""

    @property
    def precision(self) -> str:
        """Dtype of the convolutions."""

    @property
    def base_bytes(self) -> int:
        """As `LoadedNetwork.base_bytes`."""

    @property
    def device_room(self) -> int | None:
        """As `LoadedNetwork.device_room`."""


class BatchFunction(ABC):
    """Interpolates a batch of pairs, for one layout and one size of batch."""

    @abstractmethod
    def __call__(self, frames: Sequence[Planes], first: Indices, second: Indices, t: Times) -> list[Plane]:
        """Interpolates.

        Args:
          frames: B + 1 of them; alpha is ignored.
          first, second: which frames each pair is of.
          t: of each pair.

        Returns:
          The planes of colour, (B, h, w) each.
        """

    def warm_up(self) -> None:
        """Has all compiled that the first call would wait for; may raise what a call may raise.

        Does nothing in engines that compile at once.
        """
        return None


class StreamFunctions(ABC):
    """Interpolates one pair at a time from frames that are encoded once each, for one layout."""

    @abstractmethod
    def encode(self, frame: Planes) -> Any:
        """Encodes a frame; what is returned stays on the device."""

    @abstractmethod
    def decode(self, first: Any, second: Any, t: Times) -> list[Plane]:
        """Interpolates between two encoded frames at t (1,); returns planes of colour, (1, h, w) each."""


class StripFunctions(ABC):
    """Interpolates strips of rows of a frame, for one layout and one number of rows."""

    @abstractmethod
    def find(self, first: Sequence[Plane], second: Sequence[Plane], t: Times) -> Any:
        """Estimates motion between two whole frames, given as planes (1, h, w); None where strips do that."""

    @abstractmethod
    def fuse(self, first: Sequence[Plane], second: Sequence[Plane], t: Times, motion: Any, top: int) -> list[Plane]:
        """Interpolates a strip.

        Args:
          first, second: planes (1, rows, w) of the strip.
          t: (1,).
          motion: of the whole frames, as `find` returned it.
          top: first row of the strip, px.

        Returns:
          Planes of colour of the strip, (1, rows, w) each.
        """


class LoadedNetwork(ABC):
    """A network, loaded once on a device and used for any number of files; calls may come from several threads."""

    engine: ClassVar[str]
    """Name of the engine, as `--engine` takes it."""
    base_bytes: ClassVar[int]
    """What a process has before its first frame: the engine's libraries, the weights, the encoder."""
    name: str
    """Of the network."""
    preset: Preset
    network: NetworkFacts
    device: str
    """"/CPU:0", "/GPU:0" or "/GPU:1"; TensorFlow's names stand for both engines."""
    provider: str | None
    """Of ONNX Runtime: the name of what runs its graphs; None where there are no providers."""
    precision: str
    """Dtype of the convolutions."""
    weights: Path
    """File that they came from."""
    peers: tuple[LoadedNetwork, ...]
    """The same network on further devices, to share the work of one file."""
    as_computations: bool = False
    """Whether functions are computations of XLA's as a whole, which makes them fast and takes seconds for each size."""
    device_room: int | None = None
    """Bytes of a GPU's memory that the network may take; None where that is not known."""

    @abstractmethod
    def frames_at_once(self) -> int:
        """Returns how many batches to interpolate at the same time, where memory allows."""

    @abstractmethod
    def batch(self, layout: PixelLayout, plan: Plan) -> BatchFunction:
        """Compiles the interpolation of `plan.batch_size` pairs at once."""

    @abstractmethod
    def stream(self, layout: PixelLayout, plan: Plan) -> StreamFunctions | None:
        """Compiles the interpolation of encoded frames; None where the network cannot encode a frame by itself."""

    @abstractmethod
    def strips(self, layout: PixelLayout, part: PixelLayout, plan: Plan) -> StripFunctions:
        """Compiles the interpolation of strips.

        Args:
          layout: of whole frames.
          part: of a strip.
          plan: with more than one strip.
        """

    @abstractmethod
    def pictures(self, shape: tuple[int, int, int, int], top: float, flow_downscale: int) -> PictureFunction:
        """Compiles the interpolation of pictures of one shape (B, H, W, 3).

        Args:
          shape: of each picture.
          top: the code value that 1.0 stands for; 1.0 where they have never been code values.
          flow_downscale: as `Plan.flow_downscale`.
        """

    @abstractmethod
    def is_out_of_memory(self, error: Exception) -> bool:
        """Tells whether what a function has raised means that the device has too little memory for the plan."""
