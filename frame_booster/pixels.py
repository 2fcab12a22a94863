"""How the pixels of a frame are laid out and what their codes mean. Shared by media and engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.float32]
"""One plane of a frame, (h, w); code values in native byte order, or light as floating numbers."""
Planes = tuple[Plane, ...]
"""Y, Cb, Cr or Y or G, B, R; alpha last where there is one."""

LUMA_WEIGHTS: dict[str, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "smpte240m": (0.212, 0.087),
    "bt2020": (0.2627, 0.0593),
}
"""(Kr, Kb) of the matrices, ITU-T H.273 table 4."""


@dataclass(frozen=True)
class PixelLayout:
    """Everything needed to read and write the planes of a frame exactly.

    Chroma siting needs no field: chroma is repeated to full size for the network and averaged back, which
    returns every code value whatever its siting, and shifts made and original frames alike.
    """

    width: int
    height: int
    kind: Literal["yuv", "gray", "rgb"]
    depth: int
    """Bits of a code value, 8 to 16; 32: floating numbers in proportion to light, 1.0 being white (OpenEXR)."""
    log2_chroma_width: int = 0
    log2_chroma_height: int = 0
    matrix: str = "bt709"
    """Key of `LUMA_WEIGHTS`."""
    full_range: bool = False
    alpha: bool = False

    @property
    def plane_shapes(self) -> tuple[tuple[int, int], ...]:
        """(h, w) of each plane."""
        full = (self.height, self.width)
        chroma = (
            (self.height + (1 << self.log2_chroma_height) - 1) >> self.log2_chroma_height,
            (self.width + (1 << self.log2_chroma_width) - 1) >> self.log2_chroma_width,
        )
        shapes = {"yuv": (full, chroma, chroma), "gray": (full,), "rgb": (full, full, full)}[self.kind]
        return (*shapes, full) if self.alpha else shapes

    @property
    def colours(self) -> int:
        """How many of the planes are colour, which come first."""
        return 1 if self.kind == "gray" else 3

    @property
    def floating(self) -> bool:
        """Whether the planes hold floating numbers."""
        return self.depth == 32

    @property
    def top(self) -> float:
        """The largest code value; white where there is none larger."""
        return 1.0 if self.floating else float((1 << self.depth) - 1)

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16] | type[np.float32]:
        """Type of a code value."""
        if self.floating:
            return np.float32
        return np.uint8 if self.depth == 8 else np.uint16

    @property
    def frame_bytes(self) -> int:
        """Size of one frame's planes, bytes."""
        return np.dtype(self.dtype).itemsize * sum(h * w for h, w in self.plane_shapes)
