"""Predicts where a segment starts by reading one second of frames before it, without the network.

With `--dedupe` no segment starts at a repeated frame. One second of earlier frames nearly always shows which frames
repeat others. Without this prediction, about half of the segments of animation drawn on twos would be made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NoReturn

import av

from frame_booster.engine.maker import Request
from frame_booster.media.input.source import Source
from frame_booster.media.output.sink import Written
from frame_booster.options import BoostOptions
from frame_booster.pipeline.boundaries import Boundary, SegmentGrid
from frame_booster.pipeline.job import Job
from frame_booster.pipeline.pairing import Counts
from frame_booster.pipeline.settings import JobSettings, options_rate
from frame_booster.pixels import Planes

_BEFORE_S = Fraction(1)


def beginning_of(source: Source, options: BoostOptions, number: int, expected: Boundary) -> Boundary:
    """Returns the predicted start of a segment.

    Args:
      source: the open input, from which frames are read.
      options: options of the run.
      number: number of the segment, 1 or more.
      expected: start of the segment if no frame there repeats another.
    """
    grid = SegmentGrid(expected.first_pts, options.segment_length / source.info.time_base)
    before = max(grid.begin_of(number) - int(_BEFORE_S / source.info.time_base), grid.begin_of(number - 1))
    settings = JobSettings(
        rate=options_rate(options),
        scene_threshold=0.0,
        max_gap=options.max_gap,
        dedupe=options.dedupe,
        segment=options.segment_length,
        lone_segment=True,
    )
    sink = _FirstBoundary()
    after = replace(expected, next=replace(expected.next, pts=before))
    Job(source, _no_model, settings, lambda _: sink, after=after, maker=lambda _: _NoMaker()).run()
    found = sink.boundary
    return expected if found is None else replace(found, counts=Counts())


def _no_model() -> NoReturn:
    raise AssertionError("nothing is interpolated")


class _NoMaker:
    """A `Maker` that returns the first frame of each pair instead of an interpolated frame."""

    batch_size = at_once = 1

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        return [frames[request.first] for request in requests]


class _FirstBoundary:
    """A sink that records only the last boundary."""

    def __init__(self) -> None:
        self.written = Written()
        self.warnings: list[str] = []
        self.boundary: Boundary | None = None

    def write(self, frame: av.VideoFrame, pts: int, duration: int, captions: bytes = b"") -> None:
        """Ignores a frame."""

    def copy(self, packet: av.Packet) -> None:
        """Ignores a packet."""

    def cut(self, boundary: Boundary) -> None:
        """Records a boundary."""
        self.boundary = boundary

    def finish(self) -> Written:
        return self.written

    def __enter__(self) -> _FirstBoundary:
        return self

    def __exit__(self, *error: object) -> None:
        """Does nothing."""
