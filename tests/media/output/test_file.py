"""The length of a track, which the last packet that is written completes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from frame_booster.media.output.file import FileSink
from frame_booster.media.output.sink import Written


@pytest.mark.parametrize(
    ("last_pts", "duration", "wanted"),
    [
        # Shown last: as long as it is shown, or as the sum of an MP4's track lacks.
        (90, 20, 20),
        (90, 5, 10),
        # Decoded last and shown earlier: what the sum lacks, though it is shown for longer.
        (50, 20, 10),
    ],
)
def test_the_last_packet_makes_the_sum_of_durations_right(last_pts: int, duration: int, wanted: int) -> None:
    """Frames are shown from 0 to 100, and decoded from -20 to 70."""
    written, put = Written(), []
    for pts in (0, 50, 90):
        written.add(pts, 10)
    packet = SimpleNamespace(pts=last_pts, dts=70, duration=duration)
    sink: Any = SimpleNamespace(written=written, _last=packet, _first_dts=-20, _put=put.append)
    sink.container = SimpleNamespace(format=SimpleNamespace(name="mp4"))
    FileSink._put_last(sink)
    assert put == [packet]
    assert packet.duration == wanted
