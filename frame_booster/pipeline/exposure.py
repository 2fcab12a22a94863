"""Motion blur: averages the moments during which a simulated camera shutter is open (`--shutter`)."""

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
    """The image at a moment of the source, and the slot of the output frame to which it belongs."""

    like: av.VideoFrame
    """The source frame at the moment or before it; it is the image itself unless `made` is set."""
    slot: Slot
    stretch: int
    """Number of the section of continuous motion; it changes at each cut and gap, and after it."""
    held: bool = False
    """Whether this is a held frame."""
    made: Planes | None = None
    """Planes of an interpolated frame; None for a source frame."""
    seen: Planes = ()
    """Planes of the image."""

    def shown(self, layout: PixelLayout, accompanied: SideDataCopy | None = None) -> av.VideoFrame:
        """Returns the image as a frame.

        Args:
          layout: pixel layout of all frames.
          accompanied: copies the side data of `like` to an interpolated frame; None leaves it without.
        """
        if self.made is None:
            return self.like
        if accompanied is None:
            return frame_of(self.made, self.like, layout)
        frame = accompanied.of(self.like)
        write_planes(self.made, frame, layout)
        return frame


class Exposure:
    """Averages the moments of each output frame; frames with a single moment pass through.

    Only moments in the same section of continuous motion as the first are averaged, so that nothing is mixed across a
    cut or gap. If the first moment is held, it is the whole frame.

    Args:
      layout: pixel layout of all frames.
    """

    def __init__(self, layout: PixelLayout) -> None:
        self._layout = layout
        self._open: list[Moment] = []

    def take(self, moments: Iterator[Moment]) -> Iterator[Moment]:
        """Takes moments in order and yields complete frames; the last one is kept until a later moment completes it."""
        for moment in moments:
            if moment.slot.sample is None:
                yield moment
                continue
            if self._open and self._open[-1].slot.pts != moment.slot.pts:
                yield from self.close()
            self._open.append(moment)

    def close(self) -> Iterator[Moment]:
        """Yields the last frame."""
        moments, self._open = self._open, []
        if not moments:
            return
        first = moments[0]
        kept = [moment for moment in moments if moment.stretch == first.stretch]
        if len(kept) == 1 or all(moment.made is None and moment.like is first.like for moment in kept):
            yield first
            return
        yield replace(first, held=False, made=mean_of([m.seen for m in kept], self._layout, int(first.like.color_trc)))
