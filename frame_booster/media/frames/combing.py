"""Combing: whether the two fields of frames show two moments, seen in the pixels, not in the stream's flags."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import av.error
import av.filter

_KIND, _REPEATED = "lavfi.idet.single.current_frame", "lavfi.idet.repeated.current_frame"
_FIT_ONLY = {"intl_thres": "1000000000", "prog_thres": "1.05"}
"""idet asked only whether a frame's fields fit each other better, by so much, than they fit the neighbours' fields.

In its own order of questions it takes moving edges of drawings and test patterns for fields.
"""
_LEAST_ROWS = 4


class Combing:
    """Counts combed and progressive frames by FFmpeg's idet; frames in which nothing moves are neither.

    Args:
      like: a frame of the size and format of all.
    """

    def __init__(self, like: av.VideoFrame) -> None:
        self.frames = 0
        self._seen: dict[str, set[int]] = {}
        self._sinks: dict[str, Any] = {}
        self._graph: Any = None
        if like.height < _LEAST_ROWS:
            return
        self._graph = av.filter.Graph()
        source = self._graph.add_buffer(
            width=like.width, height=like.height, format=like.format, time_base=Fraction(1, 25)
        )
        # Chroma that was brought from 4:2:0 to 4:2:2 without regard to fields is smooth, and would outvote luma.
        luma = self._luma(like)
        source.link_to(luma)
        # A PyAV before 18 does not show what idet notes of a frame; it can be selected by it.
        ways = self._split(luma, 3)
        self._add_idet(ways[0], {}, {"tff": _KIND, "bff": _KIND, "top": _REPEATED, "bottom": _REPEATED})
        self._add_idet(ways[1], _FIT_ONLY, {"progressive": _KIND})
        # idet compares with the neighbour that is near where the top field comes first. Upside down, and with an even
        # number of rows, top and bottom fields have changed places.
        even, flip = self._graph.add("crop", w="iw", h="floor(ih/2)*2", x="0", y="0"), self._graph.add("vflip")
        ways[2][0].link_to(even, ways[2][1], 0)
        even.link_to(flip)
        self._add_idet((flip, 0), _FIT_ONLY, {"progressive": _KIND}, "turned ")
        self._graph.configure()

    def _luma(self, like: av.VideoFrame) -> Any:
        """Returns a filter that leaves one plane of a frame."""
        if like.format.name.startswith("yuv"):
            return self._graph.add("extractplanes", "y")
        return self._graph.add("format", "gray" if like.format.components[0].bits <= 8 else "gray16le")

    def _split(self, source: Any, count: int) -> list[tuple[Any, int]]:
        split = self._graph.add("split", str(count))
        source.link_to(split)
        return [(split, k) for k in range(count)]

    def _add_idet(
        self, way: tuple[Any, int], options: dict[str, str], values: dict[str, str], prefix: str = ""
    ) -> None:
        idet = self._graph.add("idet", **options)
        way[0].link_to(idet, way[1], 0)
        for (split, k), (value, key) in zip(self._split(idet, len(values)), values.items(), strict=True):
            select, sink = (
                self._graph.add("metadata", mode="select", key=key, value=value),
                self._graph.add("buffersink"),
            )
            split.link_to(select, k, 0)
            select.link_to(sink)
            self._sinks[prefix + value] = sink
            self._seen[prefix + value] = set()

    def add(self, frame: av.VideoFrame | None) -> None:
        """Looks at a frame, beside its neighbours before and after; None is the end."""
        if self._graph is None:
            return
        if frame is None:
            self._graph.push(None)
        else:
            pts, time_base = frame.pts, frame.time_base
            frame.pts, frame.time_base = self.frames, Fraction(1, 25)
            self._graph.push(frame)
            frame.pts = pts
            if time_base is not None:
                frame.time_base = time_base
            self.frames += 1
        for value, sink in self._sinks.items():
            while True:
                try:
                    self._seen[value].add(sink.pull().pts)
                except (av.error.BlockingIOError, av.error.EOFError):
                    break

    def _those(self, value: str) -> set[int]:
        return self._seen.get(value, set())

    @property
    def _progressive(self) -> set[int]:
        return self._those("progressive") & self._those("turned progressive")

    @property
    def progressive(self) -> int:
        """Frames whose fields show one moment."""
        return len(self._progressive)

    @property
    def top_first(self) -> int:
        """Combed frames whose top field is the earlier one."""
        return len(self._those("tff") - self._progressive)

    @property
    def bottom_first(self) -> int:
        """Combed frames whose bottom field is the earlier one."""
        return len(self._those("bff") - self._progressive)

    @property
    def combed(self) -> int:
        """Frames whose fields show two moments."""
        return self.top_first + self.bottom_first

    @property
    def order(self) -> str:
        """The field that comes first in nearly all combed frames, "tff" or "bff"; "auto" where they do not agree."""
        if self.top_first > 8 * self.bottom_first:
            return "tff"
        return "bff" if self.bottom_first > 8 * self.top_first else "auto"

    @property
    def pulldown(self) -> bool:
        """Whether fields are repeated in the rhythm of 3:2 pulldown: two of them in five frames."""
        repeated = len(self._those("top")) + len(self._those("bottom"))
        return self.frames >= 5 and Fraction(3, 10) <= Fraction(repeated, self.frames) <= Fraction(1, 2)
