"""Frames that show more than a moment: what is seen while a camera's shutter is open, averaged into motion blur."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import av

from frame_booster.media.frames.planes import frame_of, write_planes
from frame_booster.media.frames.side_data import SideDataCopy
from frame_booster.pipeline.light import mean_of
from frame_booster.pipeline.timeline import Slot
from frame_booster.pixels import PixelLayout, Planes


@dataclass(frozen=True)
class Moment:
    """What is seen at a moment of the source, and the frame of the output that it is for."""

    like: av.VideoFrame
    """The source frame before it, or at it; which is what is seen, where there are no planes."""
    slot: Slot
    stretch: int
    """Number of the stretch of continuous motion that it is in: another one behind each cut and gap, and within."""
    held: bool = False
    """Whether a source frame is shown again."""
    made: Planes | None = None
    """An interpolated frame."""
    seen: Planes = ()
    """Planes of what is seen."""

    def shown(self, layout: PixelLayout, accompanied: SideDataCopy | None = None) -> av.VideoFrame:
        """Returns it as a frame.

        Args:
          layout: of all frames.
          accompanied: gives interpolated frames the side data of `like`; None: they have none.
        """
        if self.made is None:
            return self.like
        if accompanied is None:
            return frame_of(self.made, self.like, layout)
        frame = accompanied.of(self.like)
        write_planes(self.made, frame, layout)
        return frame


class Exposure:
    """Averages all moments of a frame of the output; frames of one moment pass through.

    A frame shows what comes after its own time up to the next cut or gap only, so that nothing is mixed with what is
    not of one motion with it; where its own moment is held, that is the whole frame.

    Args:
      layout: of all frames.
    """

    def __init__(self, layout: PixelLayout) -> None:
        self._layout = layout
        self._open: list[Moment] = []

    def take(self, moments: Iterator[Moment]) -> Iterator[Moment]:
        """Yields the frames of moments that come in order; the last one stays open until it is known to be complete."""
        for moment in moments:
            if moment.slot.sample is None:
                yield moment
                continue
            if self._open and self._open[-1].slot.pts != moment.slot.pts:
                yield from self.close()
            self._open.append(moment)

    def close(self) -> Iterator[Moment]:
        """Yields the frame that is open."""
        moments, self._open = self._open, []
        if not moments:
            return
        first = moments[0]
        kept = [moment for moment in moments if moment.stretch == first.stretch]
        if len(kept) == 1 or all(moment.made is None and moment.like is first.like for moment in kept):
            yield first
            return
        yield replace(first, held=False, made=mean_of([m.seen for m in kept], self._layout, int(first.like.color_trc)))
