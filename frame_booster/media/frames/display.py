"""Frames as a player shows them: upright, of square pixels, SDR of BT.709 without alpha, no larger than asked.

What is looked at beside other pictures, in a page or as a thumbnail, has to be of one kind whatever the source.
"""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

from frame_booster.media.frames.planes import layout_of
from frame_booster.media.frames.side_data import side_data
from frame_booster.media.frames.tone_mapping import is_hdr, tone_mapped

Shown = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
"""Y, Cb, Cr of yuv420p: (h, w), (h / 2, w / 2) twice; BT.709, limited range."""
_SWS_MATRIX = {"bt709": 1, "fcc": 4, "bt601": 5, "smpte240m": 7, "bt2020": 9}
"""Keys of `LUMA_WEIGHTS` to FFmpeg's numbers of matrices in swscale (SWS_CS_*)."""
_BT709, _LIMITED, _FULL = 1, 1, 2
_BEHIND = 128
"""Grey that is seen through transparent pixels."""


_IDENTITY = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
"""The display matrix of a video that is shown as it is (ISO/IEC 14496-12, 8.2.2)."""


def is_turned(frame: av.VideoFrame) -> bool:
    """Tells whether a frame is to be turned or mirrored when it is shown."""
    matrix = side_data(frame, "DISPLAYMATRIX")
    return matrix is not None and len(matrix) >= 36 and struct.unpack_from("9i", matrix) != _IDENTITY


def quarter_turns(frame: av.VideoFrame) -> int:
    """Returns by how many quarter turns, counterclockwise, a frame is to be turned to be upright: 0 to 3."""
    matrix = side_data(frame, "DISPLAYMATRIX")
    if matrix is None or len(matrix) < 36:
        return 0
    a, b = struct.unpack_from("2i", matrix)
    if abs(a) > abs(b):
        return 0 if a > 0 else 2
    # (x, y) is shown at (a x + c y, b x + d y), y downwards: b > 0 turns clockwise.
    return 0 if b == 0 else 3 if b > 0 else 1


def display_size(frame: av.VideoFrame, sample_aspect_ratio: Fraction | None, box: tuple[int, int]) -> tuple[int, int]:
    """Returns the width and height, even and at least 2 px, at which a frame is shown in a box, and never enlarged.

    Args:
      frame: of the video.
      sample_aspect_ratio: width over height of its pixels; None is square.
      box: longer and shorter side, px.
    """
    ratio = sample_aspect_ratio or Fraction(1)
    width, height = Fraction(frame.width), Fraction(frame.height)
    if ratio > 1:
        width *= ratio
    else:
        height /= ratio
    if quarter_turns(frame) % 2:
        width, height = height, width
    scale = min(Fraction(1), max(box) / max(width, height), min(box) / min(width, height))
    return max(round(width * scale / 2) * 2, 2), max(round(height * scale / 2) * 2, 2)


class Display:
    """Turns frames of one source into pictures of one size.

    Args:
      first: a frame, in a format that `planes.planar` gives; the others are of its kind.
      size: width and height, both even, px.
    """

    def __init__(self, first: av.VideoFrame, size: tuple[int, int]) -> None:
        self.size = size
        self._layout = layout_of(first)
        self._turns = quarter_turns(first)
        self._transfer = int(first.color_trc)
        self.hdr = is_hdr(self._transfer) and self._layout.kind != "gray"
        """Whether frames are tone-mapped."""

    def show(self, frame: av.VideoFrame) -> Shown:
        """Returns a frame as it is shown."""
        width, height = self.size if self._turns % 2 == 0 else self.size[::-1]
        layout = self._layout
        matrix, full = _SWS_MATRIX[layout.matrix], layout.full_range or layout.kind != "yuv"
        source = {"src_colorspace": matrix, "src_color_range": _FULL if full else _LIMITED}
        if self.hdr or layout.alpha:
            between = "rgb48le" if self.hdr else "rgba"
            rgb = frame.reformat(width, height, between, **source, dst_color_range=_FULL, interpolation="AREA")
            pixels = rgb.to_ndarray()
            if self.hdr:
                pixels = tone_mapped(pixels, self._transfer)
            else:
                share = pixels[..., 3:].astype(np.float32) / 255.0
                pixels = (pixels[..., :3] * share + _BEHIND * (1.0 - share) + 0.5).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
            source = {"src_color_range": _FULL}
        made = frame.reformat(
            width,
            height,
            "yuv420p",
            **source,
            dst_colorspace=_BT709,
            dst_color_range=_LIMITED,
            interpolation="AREA",
        )
        planes = []
        for plane in made.planes:
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
            planes.append(np.ascontiguousarray(np.rot90(rows, self._turns)))
        return planes[0], planes[1], planes[2]


def frame_of_shown(shown: Shown) -> av.VideoFrame:
    """Returns planes that `Display` gave, or a picture put together of such, as a frame with its colour tags."""
    height, width = shown[0].shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for target, plane in zip(frame.planes, shown, strict=True):
        rows = np.frombuffer(target, np.uint8).reshape(-1, target.line_size)
        rows[: plane.shape[0], : plane.shape[1]] = plane
    frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = _BT709, _LIMITED, 1, 1
    return frame


def rgb_of_shown(shown: Shown, longest: int) -> npt.NDArray[np.uint8]:
    """Returns a picture (H, W, 3) of RGB with a longer side of at most so many px."""
    frame = frame_of_shown(shown)
    scale = min(Fraction(1), Fraction(longest, max(frame.width, frame.height)))
    width, height = max(round(frame.width * scale), 2), max(round(frame.height * scale), 2)
    return np.asarray(
        frame.reformat(
            width,
            height,
            "rgb24",
            src_colorspace=_BT709,
            src_color_range=_LIMITED,
            dst_color_range=_FULL,
            interpolation="AREA",
        ).to_ndarray(),
        np.uint8,
    )
