"""Frames through FFmpeg's filters: deinterlacing, palettes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any

import av
import av.error
import av.filter

from frame_booster.media.pyav.ffmpeg_log import Cropping
from frame_booster.media.pyav.rational import exact


class Filter(ABC):
    """A filter graph with one input and one output of frames.

    Args:
      like: a frame of the size and format of all.
      time_base: of the frames' timestamps, and of those that come out.
      rate: frames a second, for filters that work by it.
    """

    def __init__(self, like: av.VideoFrame, time_base: Fraction, *, rate: Fraction | None = None) -> None:
        self.time_base = time_base
        self._graph = av.filter.Graph()
        if rate is None:
            self._source = self._graph.add_buffer(
                width=like.width, height=like.height, format=like.format, time_base=time_base
            )
        else:
            # PyAV's `add_buffer` knows of no rate.
            size = f"{like.width}x{like.height}"
            self._source = self._graph.add(
                "buffer", video_size=size, pix_fmt=like.format.name, time_base=str(time_base), frame_rate=str(rate)
            )
        self._build(self._graph, self._source, self._graph.add("buffersink"))
        self._graph.configure()

    @abstractmethod
    def _build(self, graph: Any, source: Any, sink: Any) -> None:
        """Adds filters to the graph and links them from source to sink."""

    def push(self, frame: av.VideoFrame | None) -> list[av.VideoFrame]:
        """Puts a frame in, None for the end, and returns what comes out, with pts in ticks of `time_base`."""
        self._graph.push(frame)
        out: list[av.VideoFrame] = []
        while True:
            try:
                made = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return out
            base = exact(made.time_base) or self.time_base
            made.pts = int(made.pts * base / self.time_base)
            made.time_base = self.time_base
            out.append(made)

    def pass_one(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Returns what comes out of a filter of one frame for each one, at the time of the frame that went in.

        Inside each has the time 0, so that frames of any order and time base may follow one another.
        """
        pts, time_base, duration = frame.pts, frame.time_base, frame.duration
        frame.pts, frame.time_base = 0, self.time_base
        [made] = self.push(frame)
        for one in frame, made:
            one.pts, one.duration = pts, duration
            if time_base is not None:
                one.time_base = time_base
        return made


class Deinterlacer(Filter):
    """bwdif: one whole frame for each frame of two fields, by the frame before and the one after.

    Args:
      like, time_base: as of `Filter`.
      order: which field is the earlier one, "tff" (top) or "bff" (bottom); "auto" is as each frame says, else top.
    """

    def __init__(self, like: av.VideoFrame, time_base: Fraction, order: str = "auto") -> None:
        self._order = order
        super().__init__(like, time_base)

    def _build(self, graph: Any, source: Any, sink: Any) -> None:
        # All frames, so that what becomes of one depends on its neighbours only, wherever reading began.
        bwdif = graph.add("bwdif", mode="send_frame", deint="all", parity=self._order)
        source.link_to(bwdif)
        bwdif.link_to(sink)


class AsProgressive(Filter):
    """Takes the flag of interlaced video off frames, and leaves their pixels."""

    def _build(self, graph: Any, source: Any, sink: Any) -> None:
        setfield = graph.add("setfield", mode="prog")
        source.link_to(setfield)
        setfield.link_to(sink)


class InverseTelecine(Filter):
    """Film out of 3:2 pulldown: fields put together again (fieldmatch), one frame of five left out (decimate).

    What stays combed, as at a cut of the video, is deinterlaced (bwdif). The frames keep their dts, by which they can
    be told; their pts are counted by FFmpeg. fieldmatch knows YUV of 8 bits only, to which FFmpeg converts what is not.

    Args:
      like: as of `Filter`.
      rate: of the video, frames a second.
    """

    def __init__(self, like: av.VideoFrame, rate: Fraction) -> None:
        super().__init__(like, 1 / rate, rate=rate)

    def _build(self, graph: Any, source: Any, sink: Any) -> None:
        match = graph.add("fieldmatch", combmatch="full")
        bwdif = graph.add("bwdif", mode="send_frame", deint="interlaced")
        decimate = graph.add("decimate")
        source.link_to(match)
        match.link_to(bwdif)
        bwdif.link_to(decimate)
        decimate.link_to(sink)


class Cropper(Filter):
    """Takes off what a container says is not to be shown; one frame out for each one in."""

    def __init__(self, like: av.VideoFrame, cropping: Cropping) -> None:
        self._cropping = cropping
        super().__init__(like, Fraction(1))

    def _build(self, graph: Any, source: Any, sink: Any) -> None:
        top, bottom, left, right = (str(side) for side in self._cropping)
        crop = graph.add("crop", w=f"iw-{left}-{right}", h=f"ih-{top}-{bottom}", x=left, y=top)
        source.link_to(crop)
        crop.link_to(sink)

    def crop(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Returns the part of a frame that is shown, at its own time."""
        return self.pass_one(frame)


class Palette(Filter):
    """To 256 colours, chosen for each frame by itself, as GIF needs."""

    def _build(self, graph: Any, source: Any, sink: Any) -> None:
        split, gen = graph.add("split"), graph.add("palettegen", stats_mode="single")
        use = graph.add("paletteuse", new="1", dither="bayer", bayer_scale="4")
        source.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(gen, 1, 0)
        gen.link_to(use, 0, 1)
        use.link_to(sink)
