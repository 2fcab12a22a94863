"""A mask picture: where frames are held, as under HUDs and subtitles, which do not move with the video below them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from frame_booster.errors import InputError
from frame_booster.media.frames.side_data import side_data
from frame_booster.pixels import PixelLayout, Planes

Levels = npt.NDArray[np.uint8]
_TOP = 255


@dataclass(frozen=True)
class Mask:
    """A mask as it was read, in the orientation in which the video is shown."""

    path: Path
    levels: Levels
    """(H, W); 255: frames are held, 0: they are interpolated, between: both are mixed."""
    digest: str
    """SHA-256 of the file."""

    def fitted(self, frame: av.VideoFrame, layout: PixelLayout, pixel_shape: Fraction | None) -> HeldArea:
        """Returns the mask for frames as they are coded.

        Args:
          frame: one of them, which says how it is turned to be shown.
          layout: of all of them.
          pixel_shape: width of a pixel by its height; None is square.

        Raises:
          InputError: the mask is of another size, and of another shape.
        """
        turned, levels = _turn(frame), self.levels
        size = (layout.height, layout.width) if turned.transposed else (layout.width, layout.height)
        have = levels.shape[1], levels.shape[0]
        if have != size:
            shapes = {size}
            if pixel_shape is not None:
                wide = pixel_shape if not turned.transposed else 1 / pixel_shape
                shapes.add((round(size[0] * wide), size[1]))
            if not any(_of_one_shape(have, shape) for shape in shapes):
                raise InputError(
                    f"the mask is {have[0]}x{have[1]}, but the video is shown at {size[0]}x{size[1]}",
                    path=self.path,
                    hint="use a mask of that size or aspect ratio",
                )
            levels = _scaled(levels, size)
        coded = levels[:: turned.down, :: turned.across]
        return HeldArea(coded.T if turned.transposed else coded, layout)


@dataclass(frozen=True)
class _Turn:
    """How a picture that is shown is brought to how it is coded: its rows and columns turned round, then exchanged."""

    transposed: bool
    down: int
    across: int


def _turn(frame: av.VideoFrame) -> _Turn:
    data = side_data(frame, "DISPLAYMATRIX")
    if data is None:
        return _Turn(False, 1, 1)
    # ISO/IEC 14496-12, 6.2.2: (x, y) of the picture is shown at (a x + c y, b x + d y).
    a, b, _, c, d = (int(x) for x in np.frombuffer(data, np.int32)[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _Turn(False, -1 if d < 0 else 1, -1 if a < 0 else 1)
    return _Turn(True, -1 if b < 0 else 1, -1 if c < 0 else 1)


def _of_one_shape(have: tuple[int, int], wanted: tuple[int, int]) -> bool:
    """Tells whether a size scales to another: within half a px of the larger one."""
    small, large = sorted((have, wanted))
    return abs(Fraction(large[0], small[0]) * small[1] - large[1]) <= Fraction(large[0], small[0]) / 2


def _scaled(levels: Levels, size: tuple[int, int]) -> Levels:
    from PIL import Image

    return np.asarray(Image.fromarray(levels).resize(size, Image.Resampling.BILINEAR))


class HeldArea:
    """The mask for each plane of a layout.

    Args:
      levels: (H, W) of a frame as it is coded.
      layout: of the frames.
    """

    def __init__(self, levels: Levels, layout: PixelLayout) -> None:
        self._layout = layout
        self._planes = []
        for index, shape in enumerate(layout.plane_shapes):
            chroma = layout.kind == "yuv" and index in (1, 2)
            steps = (1 << layout.log2_chroma_height, 1 << layout.log2_chroma_width) if chroma else (1, 1)
            self._planes.append(np.ascontiguousarray(_most(levels, steps)))
            assert self._planes[-1].shape == shape
        self._boxes = [_box(plane) for plane in self._planes]

    def hold(self, made: Planes, held: Planes) -> Planes:
        """Returns an interpolated frame with what is masked as it is in the source frame before it.

        Where the mask is white every value is that of the held frame; chroma is held where any of its pixels is.
        """
        found = []
        for plane, source, levels, box in zip(made, held, self._planes, self._boxes, strict=True):
            found.append(plane.copy())
            found[-1][box] = self._mixed(plane[box], source[box], levels[box])
        return tuple(found)

    def _mixed(self, made: Any, held: Any, levels: Levels) -> Any:
        if self._layout.floating:
            share = levels / np.float32(_TOP)
            return np.where(levels == _TOP, held, made + (held - made) * share).astype(made.dtype)
        share = levels.astype(np.uint32)
        return ((made * (_TOP - share) + held * share + _TOP // 2) // _TOP).astype(made.dtype)


def _box(levels: Levels) -> tuple[slice, slice]:
    """Returns the rows and columns outside which a mask is black."""
    rows, columns = (np.flatnonzero(levels.any(axis)) for axis in (1, 0))
    return tuple(slice(x[0], x[-1] + 1) if len(x) else slice(0) for x in (rows, columns))  # type: ignore[return-value]


def _most(levels: Levels, steps: tuple[int, int]) -> Levels:
    """Returns the largest level of each block."""
    for axis, step in enumerate(steps):
        if step > 1:
            levels = np.maximum.reduceat(levels, np.arange(0, levels.shape[axis], step), axis)
    return levels


def read_mask(path: Path) -> Mask:
    """Reads a mask: a picture in gray, or the brightness of one in colour; what is transparent is black.

    Raises:
      InputError: there is no such file, or it is no picture.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        data = path.read_bytes()
        with Image.open(BytesIO(data)) as image:
            levels = _levels_of(image)
    except FileNotFoundError as error:
        raise InputError("no such file", path=path, hint="check --mask") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError("the mask cannot be read as an image", path=path, hint="use a PNG") from error
    return Mask(path, levels, hashlib.sha256(data).hexdigest())


def _levels_of(image: Any) -> Levels:
    if image.mode.startswith("I"):
        # Gray of 16 bits, which Pillow would cut off at 255.
        return (np.clip(np.asarray(image).astype(np.int64), 0, 65535) * 255 // 65535).astype(np.uint8)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        shown = image.convert("RGBA")
        gray, alpha = (np.asarray(part).astype(np.uint32) for part in (shown.convert("L"), shown.getchannel("A")))
        return ((gray * alpha + _TOP // 2) // _TOP).astype(np.uint8)
    return np.asarray(image.convert("L"))
