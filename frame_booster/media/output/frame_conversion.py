"""Conversion of frames for an encoder: to its pixel format, to limited range, or to a palette per frame."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import av

from frame_booster.media.frames.filters import Palette
from frame_booster.media.frames.pixel_formats import has_alpha
from frame_booster.media.frames.planes import converted, is_full_range
from frame_booster.media.output.encoders import LIMITED_RANGE_ONLY


class FrameConversion:
    """Converts the frames of a video for its encoder.

    Args:
      first: the first frame, with the format and colour tags of all frames.
      codec: FFmpeg's name of the encoder.
      pix_fmt: pixel format of the encoder.
    """

    def __init__(self, first: av.VideoFrame, codec: str, pix_fmt: str) -> None:
        self._first, self._pix_fmt = first, pix_fmt
        self.narrows = codec in LIMITED_RANGE_ONLY and is_full_range(first)
        """Whether full range is converted to limited range."""
        self._palette: Palette | None = None

    def colour(self, tags: Mapping[str, int]) -> dict[str, int]:
        """Returns the colour tags of the output's stream, from those of the source's.

        If frames are converted between RGB and YCbCr or to another range, matrix and range are those of the result.
        """
        if self._pix_fmt == "pal8" or (self._first.format.name == self._pix_fmt and not self.narrows):
            return dict(tags)
        shown = converted(self._first, self._pix_fmt, limited=self.narrows)
        if self._first.format.is_rgb == shown.format.is_rgb and not self.narrows:
            return dict(tags)
        return {**tags, "colorspace": int(shown.colorspace), "color_range": int(shown.color_range)}

    def __call__(self, frame: av.VideoFrame, number: int) -> av.VideoFrame:
        """Returns the converted frame; the frame itself if there is nothing to convert.

        Args:
          frame: frame in the format of the first.
          number: number of the frame, from 0.
        """
        if self._pix_fmt == "pal8":
            return self._paletted(frame, number)
        if frame.format.name != self._pix_fmt or self.narrows:
            return converted(frame, self._pix_fmt, limited=self.narrows)
        return frame

    def _paletted(self, frame: av.VideoFrame, number: int) -> av.VideoFrame:
        rgb = frame if frame.format.is_rgb else converted(frame, "rgb24")
        if rgb.format.name not in ("rgb24", "bgra"):
            rgb = rgb.reformat(format="bgra" if has_alpha(rgb.format.name) else "rgb24")
        if self._palette is None:
            self._palette = Palette(rgb, Fraction(1))
        rgb.pts, rgb.time_base = number, Fraction(1)
        [made] = self._palette.push(rgb)
        return made
