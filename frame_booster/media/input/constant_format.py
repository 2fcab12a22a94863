"""One size, pixel format and colour for all frames of a stream, whatever changes at a splice in it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from frame_booster.errors import DecodeError
from frame_booster.media.frames.pixel_formats import what_is_lost
from frame_booster.media.frames.planes import brought_to, copy_tags, layout_of
from frame_booster.media.input.source import FrameFormat, SourceReport

_COLOURS = {"color_primaries": "colour primaries", "color_trc": "transfer characteristics"}
_UNKNOWN = frozenset({0, 2})
"""Of H.273: reserved, unspecified."""


def format_of(frame: av.VideoFrame) -> FrameFormat:
    """Describes a frame that `planes.planar` has passed."""
    tags = ("colorspace", "color_range", "color_primaries", "color_trc")
    return FrameFormat(frame.width, frame.height, frame.format.name, *(int(getattr(frame, tag)) for tag in tags))


class ConstantFormat:
    """Brings frames to the format of the first, as FFmpeg's programs do.

    A recording that goes over from one programme to the next, or pictures from several sources, may change size, pixel
    format, matrix or range in mid-stream; the network and the encoder take one of each.

    Args:
      path: of the input, for messages.
      report: told of what is lost.
      strict: whether a loss is an error.
      first: the format to bring frames to, where an earlier reading has begun with it; else that of the first frame.
    """

    def __init__(self, path: Path, report: SourceReport, *, strict: bool, first: FrameFormat | None = None) -> None:
        self.path, self.report, self.strict = path, report, strict
        self._given = first
        self._like: av.VideoFrame | None = None
        self._seen: set[FrameFormat] = set()

    @property
    def first(self) -> FrameFormat | None:
        """The format of all frames; None before the first."""
        return self._given

    def is_new(self, frame: av.VideoFrame) -> bool:
        """Tells whether a frame's format differs from that of all frames."""
        return self._given is not None and format_of(frame) != self._given

    def take(self, frame: av.VideoFrame, time: Fraction) -> av.VideoFrame:
        """Returns a frame in the format of the first.

        Args:
          frame: of a format that `planes.planar` gives.
          time: when it is shown, s, for messages.

        Raises:
          DecodeError: something of it is lost, and the reading is strict.
        """
        own = format_of(frame)
        if self._given is None:
            self._given = own
        if own == self._given:
            return frame
        if self._like is None:
            self._like = self._given.example()
        if own not in self._seen:
            self._seen.add(own)
            self._tell(own, self._given, time)
        if layout_of(frame) == layout_of(self._like) and own.pix_fmt == self._given.pix_fmt:
            # It differs in tags that are not converted, or in none that counts.
            copy_tags(self._like, frame)
            return frame
        made = brought_to(frame, self._like)
        made.pts, made.duration = frame.pts, frame.duration
        if frame.time_base is not None:
            made.time_base = frame.time_base
        return made

    def _tell(self, own: FrameFormat, first: FrameFormat, time: Fraction) -> None:
        changes = []
        if (own.width, own.height) != (first.width, first.height):
            between = f"the frame size changes from {first.width}x{first.height} to {own.width}x{own.height}"
            changes.append(f"{between}: scaled back to the first")
        lost = what_is_lost(own.pix_fmt, first.pix_fmt)
        if lost is not None:
            between = f"the pixel format changes from {first.pix_fmt} to {own.pix_fmt}"
            changes.append(f"{between}: converted back to the first, losing {lost}")
        for tag, name in _COLOURS.items():
            before, now = getattr(first, tag), getattr(own, tag)
            if before != now and not {before, now} & _UNKNOWN:
                changes.append(f"the {name} change from {before} to {now} (H.273): the output keeps the first tag")
        for change in changes:
            text = f"at {float(time):.2f} s {change}"
            if self.strict:
                raise DecodeError(text, path=self.path, hint="without --strict this is only a warning")
            self.report.warn(text)
