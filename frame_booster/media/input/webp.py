"""Animated WebP, which FFmpeg learned to decode only lately: read with Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from frame_booster.errors import DecodeError, InputError
from frame_booster.media.frames.planes import planar
from frame_booster.media.input.joined import check_joined
from frame_booster.media.input.part import Labels, bounds, nothing_in_part
from frame_booster.media.input.source import Resume, Source, SourceFrame, SourceReport, VideoInfo
from frame_booster.options import Position

MILLISECOND = Fraction(1, 1000)
_DEFAULT_MS = 100
"""What browsers show a frame for that has no duration."""


class WebPSource(Source):
    """An animated WebP opened for reading; a `source.Source`.

    Raises:
      InputError: the file is not a WebP.
    """

    def __init__(
        self,
        path: Path,
        *,
        start: Position | None = None,
        end: Position | None = None,
        duration: Position | None = None,
        strict: bool = False,
    ) -> None:
        from PIL import Image, UnidentifiedImageError

        self.path, self.report, self._strict = path, SourceReport(), strict
        self.metadata: dict[str, str] = {}
        self.whole = start is None and end is None and duration is None
        try:
            self._image: Any = Image.open(path)
        except (UnidentifiedImageError, OSError) as error:
            raise InputError(f"cannot be opened as a WebP: {error}", path=path) from error
        frames = getattr(self._image, "n_frames", 1)
        durations = self._durations(frames)
        total = sum(durations)
        width, height = self._image.size
        self.info = VideoInfo(
            width=width,
            height=height,
            pix_fmt="gbrap" if self._image.mode == "RGBA" else "gbrp",
            time_base=MILLISECOND,
            rate=Fraction(frames * 1000, total) if total else None,
            frames=frames,
        )
        self._shown = durations
        try:
            begin, self._end = bounds(Labels(path, self.info.rate, frames=frames), start, end, duration, Fraction(0))
        except BaseException:
            self._image.close()
            raise
        self.part = begin, self._end
        self._begin = begin or Fraction(0)

    def _durations(self, frames: int) -> list[int]:
        found = []
        try:
            for k in range(frames):
                self._image.seek(k)
                self._image.load()
                found.append(int(self._image.info.get("duration", 0)) or _DEFAULT_MS)
        except (OSError, EOFError, SyntaxError) as error:
            raise DecodeError(f"cannot be read to its end: {error}", path=self.path) from error
        return found

    @property
    def expected_frames(self) -> int:
        return sum(1 for _ in self._frames_of_part())

    @property
    def shift(self) -> Fraction:
        return self._begin

    @property
    def plays(self) -> int | None:
        told = self._image.info.get("loop")
        return None if told is None else int(told)

    def items(
        self, *, resume: Resume | None = None, video: bool = True, packets: bool = True
    ) -> Iterator[SourceFrame | av.Packet]:
        """Yields the frames with their own durations, ms (`source.Source.items`)."""
        if not video:
            return
        first = None
        for k, pts in self._frames_of_part():
            first = pts if first is None else first
            if resume is None or pts - first >= resume.pts:
                yield SourceFrame(planar(self._frame(k)), pts - first, self._shown[k])
        if self._end is None:
            check_joined(self.path, "webp", self.report, strict=self._strict)
        if first is None:
            raise nothing_in_part(self.path, Fraction(sum(self._shown), 1000))

    def _frames_of_part(self) -> Iterator[tuple[int, int]]:
        """Yields number and time, ms, of each frame that is asked for."""
        pts = 0
        for k, duration in enumerate(self._shown):
            time = pts * MILLISECOND
            if time >= self._begin and (self._end is None or time < self._end):
                yield k, pts
            pts += duration

    def _frame(self, k: int) -> av.VideoFrame:
        try:
            self._image.seek(k)
            mode = "RGBA" if self.info.pix_fmt == "gbrap" else "RGB"
            pixels = np.ascontiguousarray(self._image.convert(mode))
        except (OSError, EOFError, SyntaxError) as error:
            raise DecodeError(f"frame {k} cannot be read: {error}", path=self.path) from error
        return av.VideoFrame.from_ndarray(pixels, "rgba" if mode == "RGBA" else "rgb24")

    def close(self) -> None:
        self._image.close()


def webp_frames(path: Path) -> tuple[int, Fraction]:
    """Returns how many frames a WebP has, and how long they last, s, as read back."""
    with WebPSource(path) as source:
        return len(source._shown), sum(source._shown) * MILLISECOND
